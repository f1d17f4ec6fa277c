#!/usr/bin/env bash
# The window under Xvfb: shows the frames, space pauses, the right arrow steps, Escape ends, also
# where there are no frames.
# Usage: window_test.sh VGPU_REPLAY WINDOW_TRACE
set -euo pipefail
replay=$1 make_trace=$2
for tool in xvfb-run xdotool import convert; do
  command -v "$tool" >/dev/null || { echo "no $tool here"; exit 77; }
done
if [ -z "${VGPU_UNDER_XVFB:-}" ]; then
  exec env VGPU_UNDER_XVFB=1 LIBGL_ALWAYS_SOFTWARE=1 xvfb-run -a -s '-screen 0 640x480x24 -noreset' "$0" "$@"
fi

work=$(mktemp -d)
trap 'echo "window_test: line $LINENO failed" >&2' ERR
trap 'rm -rf "$work"; [ -z "${pid:-}" ] || kill "$pid" 2>/dev/null || true' EXIT
fail() { echo "window_test: $*" >&2; cat "$work/log" >&2; exit 1; }

# shot: the colour in the middle of the window, as "RED GREEN BLUE".
shot() {
  import -window "$window" -depth 8 "$work/shot.png" 2>/dev/null || return 1
  convert "$work/shot.png" -gravity center -crop 1x1+0+0 +repage -depth 8 rgb:- | od -An -tu1 | xargs
}
red() { shot | cut -d' ' -f1; }

# until_true SECONDS COMMAND...: waits for the command to succeed.
until_true() {
  local end=$((SECONDS + $1)); shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}
seen() { first=$(red) && [ -n "$first" ]; }
moves() { local old=$1 now; now=$(red) && [ -n "$now" ] && [ "$now" != "$old" ]; }
is_green() { [[ "$(shot)" == *" 51 0" ]]; }
gone() { ! kill -0 "$pid" 2>/dev/null; }
# A search fails where a window goes while it looks: it is repeated.
find_window() {
  window=$(xdotool search --onlyvisible --name "vgpu-replay $1" 2>/dev/null | head -1) && [ -n "$window" ]
}
# show TRACE OPTION...: replays into a window, which has the focus then.
show() {
  "$replay" run --window --loop 0 "$@" >"$work/log" 2>&1 &
  pid=$!
  until_true 60 focus "$(basename "$1")" || fail "no window appeared, or it takes no focus"
}
# focus TITLE: the X server refuses it while a window is being shown.
focus() { find_window "$1" && xdotool windowfocus --sync "$window" 2>/dev/null; }
# A key is pressed again where it came while the focus moved; the window may be gone before it goes up.
ends_by_escape() {
  xdotool key --window "$window" Escape 2>/dev/null || true
  until_true 2 gone
}
# escape: ends the replay.
escape() {
  until_true 20 ends_by_escape || fail "Escape does not end the replay"
  wait "$pid" || fail "ended with exit status $?"
  pid=
}
# settled: two shots in a row are alike; leaves the red in $at.
settled() { at=$(red) && sleep 0.3 && [ "$at" = "$(red)" ]; }

"$make_trace" "$work/trace.vgpu" 240
show "$work/trace.vgpu" --pace recorded
until_true 60 is_green || fail "the picture has the colour $(shot), expected green 51 and blue 0"

until_true 10 seen || fail "the window has no picture"
until_true 10 moves "$first" || fail "the picture does not move"

xdotool key --window "$window" space
until_true 10 settled || fail "space does not pause"
paused=$at
xdotool key --window "$window" Right
until_true 10 moves "$paused" || fail "the right arrow does not step"
until_true 10 settled || fail "the picture moves on after a step"
[ "$at" = $((paused + 1)) ] || [ "$at" = 0 ] || fail "a step leads from frame $paused to frame $at"

xdotool key --window "$window" space
until_true 10 moves "$at" || fail "space does not continue"

escape

"$make_trace" "$work/no-frames.vgpu" 0
show "$work/no-frames.vgpu"
escape
echo "window: shown, paused, stepped and closed"
