/* The model files that are compiled into the library. */
    .section .rodata
.macro model symbol, file
    .balign 64
    .globl \symbol
    .hidden \symbol
\symbol:
    .incbin "\file"
.L\symbol\()_end:
    .balign 4
    .globl \symbol\()_size
    .hidden \symbol\()_size
\symbol\()_size:
    .long .L\symbol\()_end - \symbol
.endm

    model mica_builtin_s, "s.mmodel"
    model mica_builtin_s_perceptual, "s-perceptual.mmodel"
    model mica_builtin_v, "v.mmodel"
    model mica_builtin_v_fast, "v-fast.mmodel"

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack,"",%progbits
#endif
