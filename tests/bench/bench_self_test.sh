#!/bin/bash
# bench_self_test.sh DRAWING_TRACE SLOWER_RENDERER: twenty comparisons of a configuration with itself. At a confidence of 99 % one of
# them in a hundred may find a difference by chance: two of twenty do so once in sixty runs of this test at most, and less often
# because it takes more than the threshold.
source "$(dirname "${BASH_SOURCE[0]}")/bench_support.sh"

"$1" "$work/drawing.vgpu" 10
alarms=0 comparisons=0
compare() {
  local said
  said=$(verdict --runs 8 --vs self "$@") || exit $?
  comparisons=$((comparisons + 1))
  case $said in slower | faster) alarms=$((alarms + 1)) ;; esac
}

for _ in 1 2 3 4 5 6 7; do
  for trace in es2gears glmark2; do
    compare --renderer null --warm-up 1 --loops 4 "$samples/traces/$trace.vgpu"
  done
done
for _ in 1 2 3 4 5 6; do compare --warm-up 1 --loops 8 "$work/drawing.vgpu"; done
echo "$alarms false alarms in $comparisons comparisons"
[ "$comparisons" -eq 20 ] || fail "$comparisons comparisons were made, expected 20"
[ "$alarms" -le 1 ] || fail "$alarms of $comparisons comparisons with itself found a difference"
