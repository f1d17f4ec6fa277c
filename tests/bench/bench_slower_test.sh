#!/bin/bash
# bench_slower_test.sh DRAWING_TRACE SLOWER_RENDERER: a renderer library whose calls take 3 % longer is found, and named as slower;
# the same one with nothing added is not.
source "$(dirname "${BASH_SOURCE[0]}")/bench_support.sh"

"$1" "$work/drawing.vgpu" 30
slower_library=$2
compare() { verdict --warm-up 3 --vs "preload:$slower_library" --vs "env:VGPU_SLOWER_PERCENT=$1" "${@:2}" "$work/drawing.vgpu"; }

# What others do on the machine reaches CPU time less than wall time. Where even that does not tell, which is
# an answer, this machine is too busy now for the question.
for clock in wall cpu; do
  said=$(compare 3 --measure "$clock" --max-time 40 --threshold 1.5 --loops 40) || exit $?
  [ "$said" = "cannot tell" ] || break
done
[ "$said" != "cannot tell" ] || skip "too busy to tell 3 % from noise, by wall time or CPU time: $(cat "$work/interval")"
[ "$said" = slower ] || fail "3 % more are '$said'"
python3 - "$work/result" <<'PYTHON' || fail "the interval is not about 3 %"
import json, sys
comparison = json.load(open(sys.argv[1]))["traces"][0]["comparison"]
sys.exit(not (comparison["low"] < 0.04 and comparison["high"] > 0.02 and comparison["low"] > 0))
PYTHON
said=$(compare 0 --runs 8 --loops 15) || exit $?
case $said in slower | faster) fail "0 % more are '$said'" ;; esac
