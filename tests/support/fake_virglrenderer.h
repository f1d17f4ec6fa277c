// A libvirglrenderer.so.1 for tests: remembers what it was asked, draws nothing, fails on demand.
//
// Like the real one it calls its own public functions through their symbols, keeps the pointer to
// the callbacks, and signals fences from virgl_renderer_poll or from a thread of its own.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The names of the calls that reached the library since the last call of this, each followed by a
// space. Valid until the next call of this.
const char* fake_take_calls(void);
// The result of the next virgl_renderer_init.
void fake_fail_next_init(int result);
// The result of every virgl_renderer_submit_cmd from now on.
void fake_set_submit_result(int result);
// The result of every fence from now on.
void fake_set_fence_result(int result);
// Called inside the next virgl_renderer_submit_cmd, once.
void fake_set_submit_hook(void (*hook)(void));
// The size that virgl_renderer_resource_map says from now on, instead of FAKE_BLOB_BYTES.
void fake_set_mapped_bytes(uint64_t bytes);
// Calls the callbacks for this fence from a thread, and returns when they have returned.
void fake_signal_from_thread(uint32_t fence);
// Calls write_context_fence.
void fake_signal_context_fence(uint32_t ctx_id, uint32_t ring_idx, uint64_t fence);
// Each function sets errno to this.
#define FAKE_ERRNO 71
// A submit whose first dword is this never returns: the library crashes.
#define FAKE_CRASH_DWORD 0xdeadc0deu
// The size of the memory that every mapped blob has: three pages and a bit.
#define FAKE_BLOB_BYTES 12300
// What a read-back leaves in every byte.
#define FAKE_PIXEL 0x5a

#ifdef __cplusplus
}
#endif
