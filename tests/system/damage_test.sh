#!/bin/bash
# damage_test.sh TRACE: a real trace that is cut, or has a byte changed, at places all over it. Every
# verb that reads it ends cleanly or says what is wrong in a sentence; none crashes.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

trace=$1
broken=$work/broken.vgpu
size=$(stat -c %s "$trace")

# 0: readable, with the loss counted; 3: unreadable, said in a sentence that names the file.
expect_clean_result() {
  local verb status
  for verb in info dump; do
    status=0
    vgpu-replay "$verb" "$broken" >"$work/out" 2>"$work/err" || status=$?
    case $status in
      0) ;;
      3) grep -q "broken\.vgpu.* .*[a-z]" "$work/err" || fail "$verb of a trace $1 says no sentence: $(cat "$work/err")" ;;
      *) fail "$verb of a trace $1 ended with exit status $status: $(cat "$work/err")" ;;
    esac
  done
}

for step in {0..7}; do
  at=$((size * step / 8))
  head -c "$at" "$trace" >"$broken"
  expect_clean_result "cut at byte $at of $size"
  cp "$trace" "$broken"
  byte=$(od -An -tu1 -j "$at" -N 1 "$trace")
  # shellcheck disable=SC2059
  printf "\\x$(printf %x $((byte ^ 0x41)))" | dd of="$broken" bs=1 seek="$at" conv=notrunc status=none
  expect_clean_result "with byte $at of $size changed"
done
