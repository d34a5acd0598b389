/* The model files that are compiled into the library. */
    .section .rodata
    .balign 64
    .globl mica_builtin_s
    .hidden mica_builtin_s
mica_builtin_s:
    .incbin "s.mmodel"
1:
    .balign 4
    .globl mica_builtin_s_size
    .hidden mica_builtin_s_size
mica_builtin_s_size:
    .long 1b - mica_builtin_s
#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack,"",%progbits
#endif
