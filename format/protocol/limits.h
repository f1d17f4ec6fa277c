// Every cap on what a guest or a trace may ask for, with its reason.
#pragma once

#include <cstdint>

namespace vgpu::limits {

// QEMU accepts 16384 backing entries a resource (hw/display/virtio-gpu.c).
inline constexpr uint32_t kMaxBackingEntries = 16384;
// QEMU 10 refuses a SUBMIT_3D above 4 MiB; a vtest client may send more, up to 65535 * 64 KiB. We
// take what a recorder could have seen: 256 MiB, vtest's own fuzzer limit.
inline constexpr uint32_t kMaxSubmitBytes = 256u << 20;
// A request in a trace: the largest submit and its header.
inline constexpr uint64_t kMaxRequestBytes = kMaxSubmitBytes + 4096;
// The descriptors of one request. Linux puts each page of a buffer from vmalloc in one of its own:
// a submit of 16 MiB, four times QEMU's limit.
inline constexpr uint32_t kMaxChainDescriptors = 4096;
// The size of a virtqueue: QEMU's limit (VIRTQUEUE_MAX_SIZE); it gives a gpu 256.
inline constexpr uint32_t kMaxQueueSize = 1024;
// A response: the largest is a capset; virglrenderer's are below 4 KiB.
inline constexpr uint32_t kMaxCapsetBytes = 64u << 10;
// GL's texture limits stay below this on every driver; keeps stride arithmetic inside 64 bits.
inline constexpr uint32_t kMaxTextureSide = 1u << 16;
// A frame that the recorder reads back to hash it: a display of 8192 x 8192 pixels of 4 bytes. The
// guest chooses the size, and the memory is the VMM's.
inline constexpr uint64_t kMaxCheckedFrameBytes = 256u << 20;
// One blob of a trace. Writers cut larger content into several.
inline constexpr uint32_t kMaxBlobBytes = 1u << 20;
// What one packet's blobs make together: a texture of 16384 x 16384 texels of 16 bytes.
inline constexpr uint64_t kMaxContentBytes = uint64_t{4} << 30;
// The ids that one packet may name: those of the largest content, cut as writers cut it.
inline constexpr uint64_t kMaxPacketBlobs = kMaxContentBytes / kMaxBlobBytes;
// The text and bytes of a packet beside a request, a response and a blob's data: Linux gives a
// program at most 6 MiB of arguments, which a session keeps.
inline constexpr uint64_t kMaxFactBytes = 8u << 20;
// The fields of a packet, those of the messages inside it counted in. A field of two bytes becomes
// some 60 bytes when it is parsed, so this bounds what that takes to 16 MiB. Enough for a backing
// of 65,000 entries, four fields each.
inline constexpr uint64_t kMaxPacketFields = 1u << 18;
// The heaps that an index lists: one a memory region of a VMM, which has some ten.
inline constexpr uint64_t kMaxIndexHeaps = 1024;
// One chunk or heap in an index: all its numbers at their longest take some 130 bytes, and a heap's
// name is that of a memfd, at most 249 bytes, or a path.
inline constexpr uint64_t kMaxIndexEntryBytes = 512;
// One chunk's payload, uncompressed: the writer closes a chunk at 1 MiB plus its last packet.
inline constexpr uint64_t kMaxChunkBytes = kMaxRequestBytes + (16u << 20);
// One allocation in the analysis of a heap: more than any GPU has. What is larger is left out.
inline constexpr uint64_t kMaxHeapAllocationBytes = uint64_t{64} << 30;
// The allocations of one trace that the analysis of a heap takes: some 500 MiB. With the traces that
// it takes at once, their sizes make less than 2^63.
inline constexpr uint64_t kMaxHeapAllocations = 1u << 22;
inline constexpr uint64_t kMaxHeapTraces = 16;

}  // namespace vgpu::limits
