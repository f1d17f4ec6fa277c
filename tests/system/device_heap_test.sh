#!/bin/bash
# A guest whose driver allocates from a dedicated heap, on our device under stock QEMU: what it draws there
# is what QEMU shows and what comes back; every resource lies in the heap; what no device should grant is
# refused; and the trace replays.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
source "$(dirname "${BASH_SOURCE[0]}")/device_support.sh"

trace=$work/heap.vgpu
size=256M
bytes=$((256 << 20))
steps="draw hold cursor churn 200 gl hold refused"
# What the guest's driver is to say, as patterns.
sentences=("the pool is BAR 2 of .*, $bytes bytes"
           "draw: 8 frames of .* came back as they were drawn"
           "cursor: "
           "churn: 200 resources came back as they were drawn"
           "gl: a target of .* was cleared to 4 colours, which came back"
           "the device describes heap [0-9]*: $bytes bytes")
for place in outside across_the_end wrapping overlapping enclosing misaligned odd_size two_entries \
  heap_and_memory nobodys anothers twice; do
  sentences+=("refused $place: ERR_")
done

start_device "$trace" --heap-size "$size" --dialect 2019
start_guest_with "heap_driver $steps" --heap "$size" --no-driver
screenshot "$work/drawn.png"
continue_guest
screenshot "$work/cleared.png"
continue_guest
end_guest
grep '^heap_driver: ' "$work/serial"
for sentence in "${sentences[@]}"; do
  grep -q "^heap_driver: $sentence" "$work/serial" || fail "the guest's driver does not say '$sentence'"
done

# 8 frames are drawn, then 4 cleared.
expect_frame "$trace" 7 "$work/drawn.png"
expect_frame "$trace" 11 "$work/cleared.png"
vgpu-replay dump --json "$trace" >"$work/dump"
"$system/heap_places.py" "$bytes" <"$work/dump" || fail "a resource is not where it must be"
vgpu-replay info --json "$trace" | python3 -c '
import json, sys
info = json.load(sys.stdin)
heap = next(heap for heap in info["heaps"] if heap["size"] == int(sys.argv[1]))
regions = [region for region in info["guest_memory"] if region["heap"] == heap["id"]]
sys.exit([(region["size"], region["heap_offset"]) for region in regions] != [(heap["size"], 0)])
' "$bytes" || fail "the heap is not one region of the guest's memory"
verify_three_times "$trace"
