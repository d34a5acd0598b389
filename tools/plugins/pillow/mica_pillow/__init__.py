"""mica pictures in Pillow: importing this module registers the format.

    import mica_pillow
    from PIL import Image
    Image.open('x.mica')
    image.save('y.mica', quality=60)

Options of save(): quality 0..100 (default 50), effort 1..9 (default 2), threads (0: all processors), alpha_quality 0..100,
icc_profile, exif and xmp (bytes; default: those of the image).
"""
from PIL import Image, ImageFile

from . import _mica

__all__ = ['MicaImageFile', 'version']

version = _mica.version
_MAGIC = b'\x8bmic'
_MODES = {1: 'L', 2: 'LA', 3: 'RGB', 4: 'RGBA'}
_CHANNELS = {mode: channels for channels, mode in _MODES.items()}
# What save() turns into a mode that the format has; others are refused.
_CONVERT = {'1': 'L', 'P': 'RGB', 'RGBX': 'RGB', 'YCbCr': 'RGB', 'HSV': 'RGB', 'LAB': 'RGB', 'PA': 'RGBA', 'La': 'LA',
            'RGBa': 'RGBA', 'I;16L': 'I;16', 'I;16B': 'I;16'}


def _accept(prefix):
    return prefix[:4] == _MAGIC


def _mode(channels, depth):
    # Pillow knows 16 bits for gray without alpha only.
    return 'I;16' if channels == 1 and depth == 16 else _MODES[channels]


class MicaImageFile(ImageFile.ImageFile):
    format = 'MICA'
    format_description = 'mica learned picture codec'

    def _open(self):
        self._data = self.fp.read()
        try:
            width, height, channels, depth, quality = _mica.info(self._data)
        except ValueError as error:
            raise SyntaxError(str(error)) from error
        self._size = width, height
        self._mode = _mode(channels, depth)
        if not isinstance(getattr(type(self), 'mode', None), property):  # before Pillow 10.1
            self.mode = self._mode
        self.info['quality'] = quality
        for name, data in _mica.metadata(self._data).items():
            self.info[name] = data
        self.tile = []

    def load(self):
        if self._data is not None:
            data, self._data = self._data, None
            try:
                samples = _mica.decode(data, 16 if self.mode == 'I;16' else 8)
            except ValueError as error:
                self._data = data
                raise OSError(str(error)) from error
            self.im = Image.core.new(self.mode, self.size)
            self.pyaccess = None
            self.frombytes(samples)
            if self.fp and self._exclusive_fp:
                self.fp.close()
            self.fp = None
        return Image.Image.load(self)


def _prepare(image):
    mode = image.mode
    if mode == 'P' and 'transparency' in image.info:
        return image.convert('RGBA')
    if mode in _CONVERT:
        return image.convert(_CONVERT[mode])
    if mode not in _CHANNELS and mode != 'I;16':
        raise OSError('cannot write mode %s as mica' % mode)
    return image


def _save(image, fp, filename):
    options = image.encoderinfo
    exif = options.get('exif', image.info.get('exif', b''))
    if isinstance(exif, Image.Exif):
        exif = exif.tobytes()
    exif = exif or b''
    if exif.startswith(b'Exif\0\0'):
        exif = exif[6:]
    image = _prepare(image)
    deep = image.mode == 'I;16'
    try:
        data = _mica.encode(image.tobytes(), image.size[0], image.size[1], 1 if deep else _CHANNELS[image.mode],
                            16 if deep else 8, float(options.get('quality', 50)), int(options.get('effort', 2)),
                            int(options.get('threads', 0)), int(options.get('alpha_quality', 100)),
                            options.get('icc_profile', image.info.get('icc_profile')) or b'', exif,
                            options.get('xmp', image.info.get('xmp')) or b'')
    except ValueError as error:
        raise OSError(str(error)) from error
    fp.write(data)


Image.register_open(MicaImageFile.format, MicaImageFile, _accept)
Image.register_save(MicaImageFile.format, _save)
Image.register_extension(MicaImageFile.format, '.mica')
Image.register_mime(MicaImageFile.format, 'image/x-mica')
