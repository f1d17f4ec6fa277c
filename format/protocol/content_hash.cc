#include "format/protocol/content_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#ifdef VGPU_HASH_AVX2
#include "format/protocol/content_hash_avx2.h"
#endif

namespace vgpu {

namespace {

#ifdef VGPU_HASH_AVX2
bool HasAvx2() { return __builtin_cpu_supports("avx2") != 0; }
#else
constexpr bool HasAvx2() { return false; }
void HashAvx2(const void*, std::size_t, void*) {}
void UpdateHashAvx2(void*, const void*, std::size_t) {}
#endif

Digest Canonical(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  Digest out;
  static_assert(sizeof(out) == sizeof(canonical.digest));
  std::memcpy(out.data(), canonical.digest, out.size());
  return out;
}

}  // namespace

Digest HashOf(Bytes bytes) {
  if (!HasAvx2()) return Canonical(XXH3_128bits(bytes.data(), bytes.size()));
  Digest out;
  HashAvx2(bytes.data(), bytes.size(), out.data());
  return out;
}

struct ContentHasher::State {
  XXH3_state_t xxh;
};

ContentHasher::ContentHasher() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->xxh);
}

ContentHasher::~ContentHasher() = default;

void ContentHasher::Add(Bytes bytes) {
  if (HasAvx2()) return UpdateHashAvx2(&state_->xxh, bytes.data(), bytes.size());
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

Digest ContentHasher::Finish() const { return Canonical(XXH3_128bits_digest(&state_->xxh)); }

std::string ToHex(const Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * digest.size());
  for (uint8_t byte : digest) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

}  // namespace vgpu
