#!/bin/bash
# heap_page_test.sh: the page of `vgpu-replay heap --html`, opened in a browser, light and dark: what its script
# drew is what the report says.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

here=$(dirname "${BASH_SOURCE[0]}")
need chromium python3
page=$work/page.html

# browse SCHEME ARGUMENT...: 0 is dark, 1 is light. Without the browser's sandbox, which refuses root.
browse() {
  local scheme=$1
  shift
  HOME=$work timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
    --user-data-dir="$work/profile" --blink-settings=preferredColorScheme="$scheme" --window-size=1200,900 \
    "$@" "file://$page" 2>"$work/browser-log" || { cat "$work/browser-log"; fail "the browser did not open the page"; }
}

# check TRACE...: the counts that the script wrote are those of --json.
check() {
  vgpu-replay heap --json --html "$page" "$@" >"$work/report"
  browse 1 --dump-dom >"$work/dom"
  python3 - "$work/report" "$work/dom" <<'PYTHON' || fail "the page of $* does not show what the report says"
import html, json, re, sys
report = json.load(open(sys.argv[1]))
dom = html.unescape(open(sys.argv[2], encoding='utf-8').read())
state = re.search(r'<footer id="state">(.*?)</footer>', dom).group(1)
expected = (f"rectangles {sum(trace['allocations'] for trace in report['traces'])}, "
            f"peak {report['alone']['peak_bytes']} bytes.")
pools = dom.count('pools"><h2>')
print(state)
for one in report['alone']['allocators']:
    if f"<td>{one['allocator']}</td>" not in dom:
        sys.exit(f"the table has no {one['allocator']}")
sys.exit(0 if state.endswith(expected) and pools == (2 if 'together' in report else 1) else f'{state} and {pools} tables')
PYTHON
}

for trace in "$samples"/traces/*.vgpu; do
  check "$trace"
done
check "$samples/traces/kmscube.vgpu" "$samples/traces/es2gears.vgpu"

# A file whose name is markup.
cp "$samples/traces/kmscube.vgpu" "$work/<img src=x onerror=document.body.remove()>.vgpu"
check "$work/<img src=x onerror=document.body.remove()>.vgpu"

# Pointed at, a rectangle says whose it is; a drag looks closer.
vgpu-replay heap --html "$page" "$samples/traces/kmscube.vgpu" >"$work/out"
cp "$page" "$work/plain.html"
cat >>"$page" <<'HTML'
<script>
const box = byId('map').getBoundingClientRect();
const mouse = (kind, x, y) => byId('map').dispatchEvent(
    new MouseEvent(kind, {clientX: box.left + x * box.width, clientY: box.top + y * box.height}));
mouse('mousemove', 0.5, 0.9);
const told = byId('tip').textContent;
mouse('mousedown', 0.4, 0.5); mouse('mousemove', 0.6, 0.5); mouse('mouseup', 0.6, 0.5);
const closer = view.from > 0 && view.to < fullEnd();
mouse('dblclick', 0.5, 0.5);
byId('state').textContent = `${told}; closer ${closer}; all again ${view.from === 0 && view.to === fullEnd()}`;
</script>
HTML
browse 1 --dump-dom >"$work/dom"
python3 - "$work/dom" <<'PYTHON' || fail "the page does not answer the mouse"
import re, sys
state = re.search(r'<footer id="state">(.*?)</footer>', open(sys.argv[1]).read(), re.S).group(1)
print(state)
sys.exit(state != 'resource 2, context 1\nscanout, 3.91 MiB at 0x0\nframes 0 to the end; closer true; all again true')
PYTHON
mv "$work/plain.html" "$page"

browse 1 --screenshot="$work/light.png" >"$work/out"
browse 0 --screenshot="$work/dark.png" >"$work/out"
PYTHONPATH=$here python3 - "$work/light.png" "$work/dark.png" <<'PYTHON' || fail "the pictures of the page are wrong"
import sys
import picture

def corner_and_colours(path):
    shot = picture.decode_png(open(path, 'rb').read())
    pixels = [bytes(shot.pixels[i:i + 3]) for i in range(0, len(shot.pixels), 3)]
    return sum(pixels[shot.width * 3 + 3]) / 3, pixels

light, light_pixels = corner_and_colours(sys.argv[1])
dark, dark_pixels = corner_and_colours(sys.argv[2])
print(f'corner: {light:.0f} light, {dark:.0f} dark')
if light < 200 or dark > 60:
    sys.exit('the page does not follow the colour scheme')
# The map's scanouts: a large area in the colour that heap_kinds.def gives them.
for pixels, colour in ((light_pixels, 'd9822b'), (dark_pixels, 'f0a45a')):
    share = pixels.count(bytes.fromhex(colour)) / len(pixels)
    print(f'#{colour}: {share:.1%}')
    if share < 0.03:
        sys.exit('the map is not drawn')
PYTHON
