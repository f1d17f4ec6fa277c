#!/bin/bash
# Steering a recording that runs: its status, a mark, and its stop, after which the application runs on.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need virgl_test_server Xvfb glmark2-es2
start_display
trace=$work/steered.vgpu
background vgpu-capture app -o "$trace" -- glmark2-es2 -s 400x300 -b build:duration=5.0
recorder=$!
wait_until 60 "frame 10" has_frames "$trace" 10
vgpu-capture ctl "$recorder" status
vgpu-capture ctl "$recorder" mark "the light turns green"
vgpu-capture ctl "$recorder" stop
frames=$(fact "$trace" frames)
sleep 0.5
[ "$(fact "$trace" frames)" -eq "$frames" ] || fail "frames were recorded after the stop"
status=0
wait "$recorder" || status=$?
[ "$status" -eq 0 ] || fail "vgpu-capture ended with exit status $status after a stop, expected the application's 0"
vgpu-replay dump "$trace" >"$work/dump"
grep -q 'the light turns green' "$work/dump" || fail "the mark is not in the trace"
verify "$trace"
