#!/bin/bash
# app_test.sh EXIT_STATUS MIN_FRAMES APP [ARG...]: records a GL application without a virtual machine, and
# replays it three times. The application's exit status must be passed on.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

expected_status=$1
min_frames=$2
shift 2
need Xvfb virgl_test_server "$1"
[ "$1" != timeout ] || need "${@: -1}"

start_display
trace=$work/app.vgpu
expect_status "$expected_status" vgpu-capture app -o "$trace" -- "$@"
expect_at_least frames "$(fact "$trace" frames)" "$min_frames"
verify_three_times "$trace"
