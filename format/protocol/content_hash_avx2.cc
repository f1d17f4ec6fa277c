// Compiled for AVX2. Nothing that another file shares may be inlined here: the linker keeps one
// copy of it, and that would then need AVX2 everywhere.
#include "format/protocol/content_hash_avx2.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace vgpu {

void HashAvx2(const void* bytes, std::size_t size, void* canonical) {
  XXH128_canonicalFromHash(static_cast<XXH128_canonical_t*>(canonical), XXH3_128bits(bytes, size));
}

void UpdateHashAvx2(void* state, const void* bytes, std::size_t size) {
  XXH3_128bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
}

}  // namespace vgpu
