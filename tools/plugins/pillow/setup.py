"""The extension module, against the libmica that pkg-config finds (PKG_CONFIG_PATH)."""
import shlex
import subprocess

from setuptools import Extension, setup


def pkg_config(*arguments):
    return shlex.split(subprocess.check_output(['pkg-config', *arguments, 'mica'], text=True))


setup(ext_modules=[Extension('mica_pillow._mica', ['mica_pillow/_mica.c'],
                             extra_compile_args=['-std=c11'] + pkg_config('--cflags'),
                             extra_link_args=pkg_config('--libs'))])
