#!/bin/bash
# A recorded server that forks for each client gives one trace a renderer: NAME.vgpu, NAME.1.vgpu.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need virgl_test_server Xvfb es2gears_x11 glxgears
start_display
expect_status 0 vgpu-capture app -o "$work/two.vgpu" -- \
  bash -c 'timeout 1 es2gears_x11; timeout 1 glxgears; exit 0'
for trace in two.vgpu two.1.vgpu; do
  [ -s "$work/$trace" ] || fail "two clients were recorded, and $trace is missing: $(ls "$work")"
  echo "$trace:"
  verify "$work/$trace"
done
[ ! -e "$work/two.2.vgpu" ] || fail "two clients were recorded, and there is a third trace"
