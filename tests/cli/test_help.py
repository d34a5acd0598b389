#!/usr/bin/env python3
"""Help, manual pages and shell completions, which all come from the option tables."""
import re
import shutil
import subprocess
import unittest

import mica_case
from mica_case import MicaCase


def options(help_text):
    """The options that a help text lists: [(letter or None, name)]."""
    return re.findall(r'^  (?:-(\w),|   ) --([a-z0-9-]+)', help_text, re.M)


class Help(MicaCase):
    def commands(self):
        names = self.ok('--help=commands').decode().split()
        self.assertIn('decode', names)
        return names

    def test_overview_lists_every_command(self):
        overview = self.ok('--help').decode()
        self.assertEqual(re.findall(r'^  ([a-z]+) ', overview, re.M), self.commands())
        self.assertEqual(self.ok('help'), self.ok('--help=text'))

    def test_every_text_has_every_option(self):
        scripts = {shell: self.ok('--help=' + shell).decode() for shell in ('bash', 'zsh', 'fish')}
        for command in self.commands():
            text = self.ok(command, '--help').decode()
            found = options(text)
            self.assertIn('help', [name for _, name in found])
            man = self.ok(command, '--help=man').decode()
            for shell in scripts:
                part = self.ok(command, '--help=' + shell).decode()
                self.assertIn(part, scripts[shell])
                for letter, name in found:
                    wanted = '-l ' + name if shell == 'fish' else '--' + name
                    self.assertRegex(part, re.escape(wanted) + r'\b', (command, shell))
            for letter, name in found:
                self.assertIn('\\fB\\-\\-%s\\fR' % name.replace('-', '\\-'), man)
                if letter:
                    self.assertIn('\\fB\\-%s\\fR' % letter, man)
            self.assertEqual(man.count('.TP\n\\fB'), len(found))

    def test_rendered_page_says_what_the_help_says(self):
        if not shutil.which('groff'):
            self.skipTest('no groff')
        for command in self.commands():
            page = subprocess.run(['groff', '-man', '-Tascii', '-P-c', '-P-b', '-P-u', '-ww'], check=True,
                                  input=self.ok(command, '--help=man'), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            self.assertEqual(page.stderr, b'', command)
            words = re.sub(r'-\n\s*|\s+', '', page.stdout.decode())
            for line in self.ok(command, '--help').decode().split('options:\n')[1].splitlines()[:-1]:
                meaning = line[30:].strip()
                self.assertIn(re.sub(r'\s+', '', meaning), words,
                              (command, line))

    def test_unknown_format(self):
        self.fails('--help=pdf', file='', reason="'pdf' is not one of", code=2)
        self.fails('encode', '--help=pdf', file='encode', reason="'pdf' is not one of", code=2)

    def complete(self, *words):
        """What bash offers for the last of the words."""
        script = self.put('mica.bash', self.ok('--help=bash'))
        code = '. ./%s; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mica; printf "%%s\\n" "${COMPREPLY[@]}"' % script
        result = subprocess.run(['bash', '-c', code, 'bash', *words], cwd=self.folder, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=60)
        self.assertEqual((result.returncode, result.stderr), (0, b''))
        return result.stdout.decode().split()

    @unittest.skipUnless(shutil.which('bash'), 'no bash')
    def test_bash_completion(self):
        self.assertEqual(self.complete('mica', 'de'), ['decode'])
        self.assertEqual(self.complete('mica', 'encode', '--qual'), ['--quality'])
        self.assertEqual(self.complete('mica', 'encode', '--model', ''), ['S', 'S-perceptual'])
        self.assertEqual(self.complete('mica', 'encode', '--model', '=', 'S-'), ['S-perceptual'])
        self.assertEqual(self.complete('mica', 'encode', '--model', './x'), [])  # left to readline: files
        self.assertEqual(self.complete('mica', 'encode', 'pic'), [])
        names = [name for _, name in options(self.ok('decode', '--help').decode())]
        self.assertEqual(self.complete('mica', 'decode', '--'), ['--' + name for name in names])

    def test_other_shells_accept_their_scripts(self):
        tried = 0
        for shell, arguments in (('bash', ['-n']), ('zsh', ['-n']), ('fish', ['--no-execute'])):
            if shutil.which(shell):
                script = self.put(shell, self.ok('--help=' + shell))
                result = subprocess.run([shell, *arguments, script], cwd=self.folder, stderr=subprocess.PIPE,
                                        timeout=60)
                self.assertEqual((result.returncode, result.stderr), (0, b''), shell)
                tried += 1
        if not tried:
            self.skipTest('no shell')

    @unittest.skipUnless(shutil.which('fish'), 'no fish')
    def test_fish_completion(self):
        script = self.put('mica.fish', self.ok('--help=fish'))

        def complete(line):
            result = subprocess.run(['fish', '-N', '-c', 'source %s; complete -C "%s"' % (script, line)],
                                    cwd=self.folder, stdout=subprocess.PIPE, timeout=60)
            return [item.split('\t')[0] for item in result.stdout.decode().splitlines()]
        self.assertEqual(complete('mica deco'), ['decode'])
        self.assertEqual(complete('mica encode --qual'), ['--quality'])
        self.assertEqual(set(complete('mica encode --model ')) & {'S', 'S-perceptual'}, {'S', 'S-perceptual'})


if __name__ == '__main__':
    mica_case.main()
