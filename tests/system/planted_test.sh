#!/bin/bash
# planted_test.sh EDIT_TRACE PLANT_LIBRARY: regressions, planted in copies of the sample traces and in the renderer, as
# one suite: each is found, named with its frame or command, and shown; what has none passes.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

edit_trace=$1
plant_library=$2
need convert python3
cd "$work"

# A trace of the suite is held to the golden set of the sample that it was.
entry() {
  cat >>suite.toml <<TOML
[[trace]]
path = "$1.vgpu"
golden = "$samples/traces/$2"
TOML
}

plant() {
  local name=$1 sample=$2
  shift 2
  "$edit_trace" "$samples/traces/$sample.vgpu" "$name.vgpu" "$@"
  entry "$name" "$sample"
}

# The texel at X,Y of a golden picture, its green one off, as B8G8R8A8 in hex.
one_off() {
  convert "$samples/traces/$1/frame-$2.png" -crop "1x1+$3+$4" -depth 8 rgb:- | python3 -c '
import sys
r, g, b = sys.stdin.buffer.read(3)
print(bytes([b, g + 1 if g < 255 else g - 1, r, 255]).hex())'
}

plant pixel es2gears pixel 10 150 150 "$(one_off es2gears 000010 150 150)"
plant constant glmark2 shader 1059760811 1051372203   # 0.66 becomes 0.33
plant upload glmark2 upload 3                         # the texture
plant flip es2gears flip
plant flip_guest kmscube flip
plant frame kmscube frame 20
cp "$samples/traces/glmark2.vgpu" same.vgpu
entry same glmark2

expect_status 1 vgpu-replay suite suite.toml --output found >out
cat out
python3 - found <<'PYTHON' || fail "a planted regression is not told as it is"
import json, pathlib, sys

folder = pathlib.Path(sys.argv[1])
traces = {trace['name'].removesuffix('.vgpu'): trace for trace in json.load(open(folder / 'results.json'))['traces']}
page = (folder / 'report.html').read_text()
junit = (folder / 'junit.xml').read_text()


def bad_frames(name):
    return {frame['frame']: frame for frame in traces[name]['frames'] if frame['status'] in ('different', 'missing')}


def check(what, holds):
    print('ok' if holds else 'NOT', what)
    if not holds:
        sys.exit(what)


check('what is unchanged passes', traces['same']['status'] == 'passed' and not bad_frames('same'))
for name in traces.keys() - {'same'}:
    trace = traces[name]
    check(f'{name}: failed, and says where: {trace["message"]}', trace['status'] == 'failed' and 'frame' in trace['message'])
    check(f'{name}: is on the page and in JUnit', f'{name}.vgpu' in page and f'{name}.vgpu' in junit)

pixel = bad_frames('pixel')
check('pixel: frame 10 alone', list(pixel) == [10])
check('pixel: one texel, off by one', (pixel[10]['differing_pixels'], pixel[10]['largest_difference']) == (1, 1))
check('frame: the twentieth is missing, alone', [(n, f['status']) for n, f in bad_frames('frame').items()] == [(20, 'missing')])
for name in ('pixel', 'constant', 'upload', 'flip', 'flip_guest'):
    compared = [frame for frame in bad_frames(name).values() if frame['golden']]
    check(f'{name}: a golden picture decides', compared and all(frame['tier'] in ('pixels', 'error', 'structure') for frame in compared))
    # Of the first sixteen frames that differ.
    kept = [frame for frame in compared if frame['expected']]
    check(f'{name}: pictures are kept', kept and all((folder / frame[key]).stat().st_size for frame in kept
                                                     for key in ('expected', 'replayed', 'difference')))
# How bad it is can be told: one texel is nearly nothing, the other way up is another picture.
check('pixel: SSIM is nearly 1', pixel[10]['ssim'] > 0.999)
check('flip: SSIM says that it is another picture', min(f['ssim'] for f in bad_frames('flip').values() if 'ssim' in f) < 0.9)
PYTHON

# What draws alike within a tolerance passes with it, and nothing else does.
expect_status 0 vgpu-replay verify pixel.vgpu --golden "$samples/traces/es2gears" --tolerance 1 >out
expect_status 1 vgpu-replay verify constant.vgpu --golden "$samples/traces/glmark2" --tolerance 1 >out

# A renderer that dies or stops at its submit N: the command is named, and the others are not touched by it.
cat >sick.toml <<TOML
[[trace]]
path = "same.vgpu"
golden = "$samples/traces/glmark2"
timeout_seconds = 5
TOML
for plant in crash:20 hang:20; do
  LD_PRELOAD=$plant_library VGPU_PLANT=$plant expect_status 4 vgpu-replay suite sick.toml --output "sick-${plant%:*}" >out
  grep -E "command [0-9]+ \(SUBMIT_3D, context 1, frame [0-9]+\): the renderer \(in Submit\) (died of SIGABRT|made no progress)" "sick-${plant%:*}/junit.xml" ||
    { cat out; fail "the command of $plant is not named"; }
done
