"""Line charts as SVG, without any library."""
import html
import math

COLOURS = ('#c0392b', '#2471a3', '#1e8449', '#b9770e', '#7d3c98', '#566573')
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 400, 70, 130, 40, 50


def ticks(low, high):
    """About five round numbers."""
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step *= min((1, 2, 5, 10), key=lambda f: abs(f * step - (high - low) / 4))
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def line_chart(path, title, x_label, y_label, lines):
    """lines: {name: [(x, y), ...]}; points that are not finite are left out."""
    lines = {n: [p for p in points if all(map(math.isfinite, p))] for n, points in lines.items()}
    values = [p for points in lines.values() for p in points]
    if not values:
        raise ValueError('nothing to draw')
    (x0, x1), (y0, y1) = ((min(v), max(v)) for v in zip(*values))
    x1, y1 = x1 if x1 > x0 else x0 + 1, y1 if y1 > y0 else y0 + 1
    margin = (y1 - y0) * .05
    y0, y1 = y0 - margin, y1 + margin

    def place(x, y):
        return (LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM))
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' % (WIDTH, HEIGHT),
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="%d" y="22" font-size="15">%s</text>' % (LEFT, html.escape(title)),
           '<text x="%g" y="%d" text-anchor="middle">%s</text>' % ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, html.escape(x_label)),
           '<text transform="translate(16,%g) rotate(-90)" text-anchor="middle">%s</text>' % ((TOP + HEIGHT - BOTTOM) / 2, html.escape(y_label))]
    for x in ticks(x0, x1):
        px = place(x, y0)[0]
        out.append('<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>' % (
            px, TOP, HEIGHT - BOTTOM, px, HEIGHT - BOTTOM + 16, x))
    for y in ticks(y0, y1):
        py = place(x0, y)[1]
        out.append('<path d="M%d %.1f H%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>' % (
            LEFT, py, WIDTH - RIGHT, LEFT - 6, py + 4, y))
    for i, (name, points) in enumerate(lines.items()):
        colour = COLOURS[i % len(COLOURS)]
        places = [place(*p) for p in points]
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>' % (
            colour, ' '.join('%.1f,%.1f' % p for p in places)))
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (*p, colour) for p in places]
        out.append('<text x="%d" y="%d" fill="%s">%s</text>' % (WIDTH - RIGHT + 12, TOP + 16 + 18 * i, colour, html.escape(name)))
    with open(path, 'w') as f:
        f.write('\n'.join(out) + '\n</svg>\n')
