"""Which of two decodes is nearer to the original? A page for people, and what their answers say.

python3 two_choices.py page --codecs mica,webp -q 30 -o page.html PICTURES...
python3 two_choices.py rates results-*.csv

page: one HTML file that needs no other. The first codec encodes every picture at --quality, the others spend the same
number of bytes (within 1 % where their quality steps allow it). A trial shows the original between two decodes, the sides
and the order drawn anew for every viewer; a choice is forced. Keys: left and right arrow choose, 1 and 2 show one of the
decodes in the place of the original and 0 the original again (to flicker between them), Backspace takes the last choice
back. At the end, or at any time, the answers are saved as CSV; they also survive a reload.

rates: how often each codec was preferred to each other, with the 95 % interval of Wilson (1927) and the two-sided sign test.
Answers of one viewer are not independent of each other: with several viewers, the rates of the viewers are listed too.
"""
import argparse
import base64
import collections
import csv
import html
import io
import itertools
import json
import math
import os
import zlib

COLUMNS = ['viewer', 'trial', 'picture', 'left', 'right', 'chosen', 'milliseconds']

PAGE = '''<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>@TITLE@</title>
<style>
body { margin: 0; background: #777; color: #fff; font: 16px sans-serif; text-align: center; }
#views { display: flex; justify-content: center; gap: 6px; margin-top: 12px; }
figure { margin: 0; } img { display: block; max-width: 32.5vw; max-height: 80vh; }
figcaption { padding: 6px; } button { font: inherit; padding: 6px 14px; margin: 4px; cursor: pointer; }
#bar { height: 5px; background: #555; } #done { height: 5px; background: #cde; width: 0; }
.hidden { display: none !important; } p { max-width: 44em; margin: 12px auto; padding: 0 10px; }
</style></head><body>
<div id="bar"><div id="done"></div></div>
<div id="start"><h1>@TITLE@</h1>
<p>You see an original in the middle and two compressed versions of it. Choose the one that is nearer to the original.
If you see no difference, guess. Look at the screen as you usually do.</p>
<p>Arrow keys choose. Hold or press 1 or 2 to see a version in the place of the original, 0 for the original. Backspace goes back.</p>
<p><label>Your name or a number: <input id="viewer" maxlength="40"></label> <button id="go">Start</button></p></div>
<div id="trial" class="hidden">
<div id="views"><figure><img id="left" alt="left"><figcaption><button id="chooseLeft">&larr; left is nearer</button></figcaption></figure>
<figure><img id="middle" alt="original"><figcaption id="label">original</figcaption></figure>
<figure><img id="right" alt="right"><figcaption><button id="chooseRight">right is nearer &rarr;</button></figcaption></figure></div></div>
<div id="end" class="hidden"><h1>Thank you</h1><p>All pairs are done. Please save your answers.</p></div>
<p><button id="save" class="hidden">Save answers as CSV</button> <span id="count"></span></p>
<script>
'use strict';
const pictures = @PICTURES@, pairs = @PAIRS@, columns = @COLUMNS@, store = 'two-choices-@KEY@';
const get = id => document.getElementById(id);
let state = null, shownAt = 0;
function shuffle(list) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}
function begin() {
  const order = shuffle(pairs.map((pair, i) => ({ pair: i, swapped: Math.random() < 0.5 })));
  state = { viewer: get('viewer').value.trim() || 'anonymous', order, answers: [] };
  show();
}
function current() {
  const trial = state.order[state.answers.length];
  if (!trial) return null;
  const [picture, a, b] = pairs[trial.pair];
  return { picture, left: trial.swapped ? b : a, right: trial.swapped ? a : b };
}
function middle(what) {
  const trial = current();
  if (!trial) return;
  const name = what === 'left' ? trial.left : what === 'right' ? trial.right : 'original';
  get('middle').src = pictures[trial.picture][name];
  get('label').textContent = what;
}
function show() {
  const trial = current(), total = state.order.length, done = state.answers.length;
  get('start').classList.add('hidden');
  get('trial').classList.toggle('hidden', !trial);
  get('end').classList.toggle('hidden', !!trial);
  get('save').classList.toggle('hidden', done === 0);
  get('count').textContent = done + ' of ' + total;
  get('done').style.width = 100 * done / total + '%';
  try { localStorage.setItem(store, JSON.stringify(state)); } catch (e) { /* private windows have none */ }
  if (!trial) return;
  get('left').src = pictures[trial.picture][trial.left];
  get('right').src = pictures[trial.picture][trial.right];
  middle('original');
  shownAt = performance.now();
}
function choose(side) {
  const trial = state && current();
  if (!trial) return;
  state.answers.push([state.viewer, state.answers.length + 1, trial.picture, trial.left, trial.right, trial[side],
                      Math.round(performance.now() - shownAt)]);
  show();
}
function back() {
  if (state && state.answers.length) { state.answers.pop(); show(); }
}
function toCsv() {
  const cell = v => /[",\\n\\r]/.test(v) ? '"' + String(v).replace(/"/g, '""') + '"' : String(v);
  return [columns].concat(state.answers).map(row => row.map(cell).join(',') + '\\n').join('');
}
function save() {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([toCsv()], { type: 'text/csv' }));
  link.download = 'results-' + state.viewer.replace(/[^A-Za-z0-9_-]/g, '_') + '.csv';
  link.click();
}
get('go').onclick = begin;
get('chooseLeft').onclick = () => choose('left');
get('chooseRight').onclick = () => choose('right');
get('save').onclick = save;
document.addEventListener('keydown', event => {
  if (!state || event.target.tagName === 'INPUT' || event.repeat) return;
  const action = { ArrowLeft: () => choose('left'), ArrowRight: () => choose('right'), Backspace: back,
                   0: () => middle('original'), 1: () => middle('left'), 2: () => middle('right') }[event.key];
  if (action) { event.preventDefault(); action(); }
});
try {
  const kept = JSON.parse(localStorage.getItem(store));
  if (kept && kept.order.length === pairs.length) { state = kept; show(); }
} catch (e) { state = null; }
</script></body></html>
'''


def as_url(picture):
    from PIL import Image
    out = io.BytesIO()
    Image.fromarray(picture).save(out, 'PNG')
    return 'data:image/png;base64,' + base64.b64encode(out.getvalue()).decode()


def crop(picture, limit):
    """The middle, at most limit x limit."""
    top, left = (max(0, (n - limit) // 2) for n in picture.shape[:2])
    return picture[top:top + limit, left:left + limit]


def for_script(value):
    return json.dumps(value).replace('<', '\\u003c')


def make_page(args):
    import coders
    made, pairs, names = {}, [], []
    for path in coders.find_pictures(args.pictures):
        original = coders.read_picture(path)
        name = os.path.splitext(os.path.basename(path))[0]
        name = name if name not in made else '%s-%d' % (name, len(made))
        made[name] = {'original': as_url(crop(original, args.crop))}
        size = None
        for codec_name, codec in coders.chosen(args).items():
            data = (codec.encode(original, args.quality) if size is None
                    else coders.quality_for_bytes(codec, original, size))
            size = size or len(data)
            made[name][codec_name] = as_url(crop(codec.decode(data), args.crop))
            print('%-20s %-6s %7d bytes' % (name, codec_name, len(data)), flush=True)
        names = [n for n in made[name] if n != 'original']
        pairs += [[name, a, b] for a, b in itertools.combinations(names, 2)]
    if len(names) < 2:
        raise SystemExit('--codecs: two at least')
    key = '%08x' % zlib.crc32(for_script(made).encode())     # answers of another page are not taken up
    text = PAGE
    for mark, value in (('TITLE', html.escape(args.title)), ('PICTURES', for_script(made)), ('PAIRS', for_script(pairs)),
                        ('COLUMNS', for_script(COLUMNS)), ('KEY', key)):
        text = text.replace('@%s@' % mark, value)
    with open(args.output, 'w', encoding='utf-8') as f:
        f.write(text)


def wilson(won, total, z=1.959964):
    """The 95 % interval of a share."""
    share, factor = won / total, 1 + z * z / total
    middle = (share + z * z / (2 * total)) / factor
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / factor
    return max(0.0, middle - half), min(1.0, middle + half)


def sign_test(won, total):
    """Probability of a result that is no more even, if both were equally good."""
    tail = sum(math.comb(total, k) for k in range(min(won, total - won) + 1)) / 2 ** total
    return min(1.0, 2 * tail)


def read_answers(paths):
    for path in paths:
        with open(path, newline='', encoding='utf-8') as f:
            rows = csv.DictReader(f)
            if rows.fieldnames != COLUMNS:
                raise SystemExit('%s: the columns are not %s' % (path, ','.join(COLUMNS)))
            for row in rows:
                if row['chosen'] not in (row['left'], row['right']) or row['left'] == row['right']:
                    raise SystemExit('%s: trial %s is not a choice between two' % (path, row['trial']))
                yield row


def rates(args):
    answers = list(read_answers(args.csv))
    if not answers:
        raise SystemExit('no answers')
    by_pair, by_viewer, lefts = collections.Counter(), collections.Counter(), 0
    for row in answers:
        pair = tuple(sorted((row['left'], row['right'])))
        for counter, key in ((by_pair, pair), (by_viewer, (pair, row['viewer']))):
            counter[key, 'all'] += 1
            counter[key, 'won'] += row['chosen'] == pair[0]
        lefts += row['chosen'] == row['left']
    pairs = sorted({k for k, _ in by_pair})
    viewers = sorted({row['viewer'] for row in answers})
    result = {'answers': len(answers), 'viewers': len(viewers), 'left_share': lefts / len(answers), 'pairs': []}
    for pair in pairs:
        won, total = by_pair[pair, 'won'], by_pair[pair, 'all']
        low, high = wilson(won, total)
        result['pairs'].append(dict(
            codec=pair[0], against=pair[1], preferred=won, answers=total, rate=won / total, low=low, high=high,
            p=sign_test(won, total), viewers={v: by_viewer[(pair, v), 'won'] / by_viewer[(pair, v), 'all']
                                              for v in viewers if by_viewer[(pair, v), 'all']}))
    if args.json:
        print(json.dumps(result, indent=1))
        return
    print('%d answers of %d viewers; the left was chosen in %.0f %%' % (len(answers), len(viewers), 100 * result['left_share']))
    for r in result['pairs']:
        print('%s preferred to %s: %d of %d, %.1f %% (95 %%: %.1f..%.1f), p = %.3g' % (
            r['codec'], r['against'], r['preferred'], r['answers'], 100 * r['rate'], 100 * r['low'], 100 * r['high'], r['p']))
        if len(r['viewers']) > 1:
            print('  by viewer: ' + ', '.join('%s %.0f %%' % (v, 100 * share) for v, share in r['viewers'].items()))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest='command', required=True)
    page = commands.add_parser('page', help='make the page (needs numpy and Pillow)')
    page.add_argument('-q', '--quality', type=float, default=30, help='of the first codec')
    page.add_argument('--crop', type=int, default=512, help='the middle of the picture, at most so many pixels')
    page.add_argument('--title', default='Which is nearer to the original?')
    page.add_argument('-o', '--output', required=True)
    page.add_argument('pictures', nargs='+')
    analysis = commands.add_parser('rates', help='preference rates of CSV files')
    analysis.add_argument('--json', action='store_true')
    analysis.add_argument('csv', nargs='+')
    try:
        import coders
        coders.add_options(page)
    except ImportError as e:
        page.epilog = 'not available: %s' % e
    args = p.parse_args()
    make_page(args) if args.command == 'page' else rates(args)


if __name__ == '__main__':
    main()
