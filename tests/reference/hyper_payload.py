"""What tests need to read the hyper latents of files and packets."""
import symbol_coder


def read_varint(data, at):
    """(value, where the next byte is)"""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at


def decode_hyper(reference, payload, height, width, level):
    """z as decoded in 1/16 step and its symbols, of a payload that must be used up, by the numpy reference."""
    shape = reference.t('z_shape') * symbol_coder.SCALES
    decoder = symbol_coder.Decoder(payload)
    z, symbols = reference.code_z(height, width, level, lambda y, x, mean, index: decoder.run((shape + index).tolist()))
    decoder.finish()
    return z, symbols
