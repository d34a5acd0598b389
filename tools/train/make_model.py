"""From a folder of pictures to a model: make_model.py --build BUILD --minutes N PICTURES FOLDER

Does what docs/training.md describes, one step after the other: packs the pictures, trains the networks and the restoration filter
behind them in float and in integers, the context of the hyper latents on whole pictures, and the decoder alone on what files hold; exports, fits the distributions of the coder; checks
that libmica and the numpy reference agree on the model, bit for bit; and measures it if --test names pictures. Each step leaves
its result in FOLDER, with what it printed beside it, and is not done again: the same command goes on where an earlier one was stopped.

BUILD is a folder of mica that was configured with -DMICA_TESTS=ON. With several GPUs name them in --launch, for example
--launch "torchrun --nproc-per-node 4".
"""
import argparse
import os
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# What more than 8 bits are worth most to (docs/training.md).
BITS = '{"from_latent": 11, "head": 11, "to_latent": 11}'
# Share of the time, and settings, of each phase of training.
PHASES = (
    ('float', 0.5, '--new-restoration --plateau 0.35 --final 0.02 --large-from 0.7'),
    ('fixed', 0.35, '--fixed --lr 4e-4 --warmup 100 --plateau 0.35 --large-from 0.5 --ema 0.998'),
    ('coded', 0.15, '--fixed --frozen-encoder --lr 3e-4 --warmup 50 --plateau 0.15 --large-from 0.4 --ema 0.997'),
)
LEVELS = '0,63,126,189,252,315,378,504,630,819,1008'     # at which the context of the hyper latents is learned
QUALITIES = '5,25,45,65,85'  # at which symbols are counted
COUNTED, SIDE = 80, 448      # crops for that, and their side


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('pictures', metavar='PICTURES')
    p.add_argument('folder', metavar='FOLDER')
    p.add_argument('--build', required=True)
    p.add_argument('--name', default='S', help='in the model file')
    p.add_argument('--minutes', type=float, help='of training, all phases together')
    p.add_argument('--steps', type=int, help='of training in place of --minutes')
    p.add_argument('--config', default='{}', help='JSON of the Codec constructor')
    p.add_argument('--init', help='checkpoint to start from')
    p.add_argument('--bits', default=BITS, help='of weights, as train.py takes it')
    p.add_argument('--batch', type=int, default=16)
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--seed', type=int, default=7)
    p.add_argument('--launch', default=sys.executable, help='what runs train.py')
    p.add_argument('--test', help='folder of pictures to measure the model on')
    p.add_argument('--anchors', help='folder of published points to compare it with')
    a = p.parse_args()
    if (a.minutes is None) == (a.steps is None):
        p.error('say either --minutes or --steps')
    return a


def write_ppm(path, a):
    with open(path, 'wb') as f:
        f.write(b'P6 %d %d 255\n' % (a.shape[1], a.shape[0]) + a.tobytes())


class Maker:
    def __init__(self, a):
        self.a = a
        os.makedirs(a.folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.a.folder, name)

    def run(self, name, command):
        """What a command prints goes to NAME.log, and is shown."""
        print('\n== ' + shlex.join(command), flush=True)
        with open(self.path(name + '.log'), 'a') as log:
            p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            for line in p.stdout:
                print(line, end='', flush=True)
                log.write(line)
        if p.wait():
            raise SystemExit('make_model.py: %s failed' % command[1 if command[0] == sys.executable else 0])

    def make(self, result, script, *arguments):
        """`result` by a script of this folder, unless it is there; %s in the arguments stands for where it is to be
        written. It gets its name when it is whole."""
        if os.path.exists(self.path(result)):
            return
        part = self.path('part-' + result)
        self.run(result, [sys.executable, os.path.join(HERE, script), *[v.replace('%s', part) for v in arguments]])
        os.rename(part, self.path(result))

    def train(self, phase, share, settings, before):
        """A phase of training, which goes on from its own checkpoint."""
        done, out = self.path(phase + '.pt'), self.path('part-' + phase + '.pt')
        if os.path.exists(done):
            return
        a = self.a
        length = ['--minutes', '%g' % (share * a.minutes)] if a.minutes else ['--steps', '%d' % max(1, round(share * a.steps))]
        start = ['--init', before] if before else ['--config', a.config]
        bits = ['--bits', a.bits] if phase == 'fixed' else []
        import torch
        fast = ['--compile'] + ['--bf16'] * (phase == 'float') if torch.cuda.is_available() else []
        self.run(phase, [*shlex.split(a.launch), os.path.join(HERE, 'train.py'), '--packed', self.path('packed'), '--out', out, '--resume',
                         *length, *start, *bits, *fast, *settings.split(), '--batch', str(a.batch), '--threads', str(a.threads),
                         '--seed', str(a.seed)])
        os.rename(out, done)

    def latents(self, model, result):
        """The hyper latents of all pictures."""
        if os.path.exists(self.path(result)):
            return
        import data
        crops, picture, part = data.Crops(self.path('packed'), self.a.seed), self.path('part.ppm'), self.path('part-' + result)
        command = [os.path.join(self.a.build, 'tests', 'hyper_latents'), self.path(model), LEVELS, picture]
        print('\n== ' + shlex.join(command), flush=True)
        with open(part, 'wb') as out:
            for i in range(len(crops.shapes)):
                write_ppm(picture, crops.whole(i))
                subprocess.run(command, stdout=out, check=True)
        os.rename(part, self.path(result))

    def crops(self):
        """Pictures to count symbols in."""
        folder, part = self.path('crops'), self.path('part-crops')
        if not os.path.exists(folder):
            import data
            os.makedirs(part, exist_ok=True)
            crops = data.Crops(self.path('packed'), self.a.seed)
            for i in range(COUNTED):
                write_ppm(os.path.join(part, '%02d.ppm' % i), crops.picture(SIDE))
            os.rename(part, folder)
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]

    def fit_distributions(self, model, result):
        if os.path.exists(self.path(result)):
            return
        counts = self.path(result + '.counts')
        command = [os.path.join(self.a.build, 'tests', 'symbol_counts'), self.path(model), QUALITIES, *self.crops()]
        print('\n== ' + shlex.join(command[:3]) + ' ...', flush=True)
        with open(counts, 'wb') as f:
            subprocess.run(command, stdout=f, check=True)
        self.make(result, 'distributions.py', '--least', '20', self.path(model), '%s', counts)

    def all(self):
        a, mica = self.a, os.path.join(self.a.build, 'tools', 'mica')
        self.make('packed', 'data.py', a.pictures, '%s')
        checkpoint = a.init
        for phase, share, settings in PHASES:
            if phase == 'coded':
                self.make('fixed.mmodel', 'export.py', checkpoint, a.name, '%s')
                self.latents('fixed.mmodel', 'latents')
                self.make('context.pt', 'hyper_context.py', checkpoint, '%s', self.path('latents'), '--threads', str(a.threads),
                          '--seed', str(a.seed), *(['--steps', str(a.steps)] if a.steps else []))
                checkpoint = self.path('context.pt')
            self.train(phase, share, settings, checkpoint)
            checkpoint = self.path(phase + '.pt')
        self.make('plain.mmodel', 'export.py', checkpoint, a.name, '%s')
        self.fit_distributions('plain.mmodel', 'fitted.mmodel')
        self.fit_distributions('fitted.mmodel', 'model.mmodel')      # of the symbols that the first ones choose
        tests = os.path.join(HERE, '..', '..', 'tests')
        self.run('check', [sys.executable, os.path.join(tests, 'reference', 'test_reference.py'), mica,
                           os.path.join(tests, 'vectors', 'tiny.mmodel'), self.path('model.mmodel')])
        if a.test:
            self.run('points', [sys.executable, os.path.join(HERE, 'rd.py'), '--mica', mica, '--model', self.path('model.mmodel'),
                                '--pictures', a.test, *(['--anchors', a.anchors] if a.anchors else [])])
        print('\n%s' % self.path('model.mmodel'))


if __name__ == '__main__':
    Maker(arguments()).all()
