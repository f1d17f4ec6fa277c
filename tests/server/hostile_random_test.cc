// Requests of random fields, the likely ones small, on both renderers. The fuzzers go deeper; this
// is what each run of the tests sends.
#include <random>

#include "tests/server/hostile_guest.h"

namespace vgpu::test {
namespace {

constexpr CommandType kTypes[] = {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) CommandType::NAME,
#include "format/protocol/virtio_gpu.def"
};

class RandomRequests {
 public:
  explicit RandomRequests(uint32_t seed) : random_(seed) {}

  std::vector<std::byte> Next() {
    const CommandInfo& info =
        *FindCommand(static_cast<uint32_t>(kTypes[random_() % std::size(kTypes)]));
    std::vector<std::byte> bytes;
    while (bytes.size() < info.request_size) Append(bytes, Number());
    bytes.resize(info.request_size);
    Put(bytes, 0, static_cast<uint32_t>(info.type));
    Put(bytes, 4, random_() % 4);   // flags
    Put(bytes, 12, 0);              // the upper half of the fence
    Put(bytes, 16, random_() % 3);  // context
    if (info.trailing == Trailing::kMemEntries) AppendEntries(bytes, info.type);
    if (info.trailing == Trailing::kStream) AppendStream(bytes);
    if (random_() % 50 == 0) bytes.resize(random_() % bytes.size());
    return bytes;
  }

 private:
  static void Append(std::vector<std::byte>& bytes, le32 value) {
    const Bytes one = StructBytes(value);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  static void Put(std::vector<std::byte>& bytes, std::size_t offset, le32 value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
  }
  uint32_t Number() {
    switch (random_() % 10) {
      case 0:
        return random_();
      case 1:
        return kMax;
      case 2:
        return 1u << random_() % 32;
      case 3:
        return random_() % 4096;
      case 4:
        return 64;
      default:
        return random_() % 4;
    }
  }
  void AppendEntries(std::vector<std::byte>& bytes, CommandType type) {
    const uint32_t count = random_() % 5;
    if (type == CommandType::RESOURCE_CREATE_BLOB) {
      Put(bytes, offsetof(wire::ResourceCreateBlob, nr_entries), count);
      Put(bytes, offsetof(wire::ResourceCreateBlob, size), random_() % 65536);
      Put(bytes, offsetof(wire::ResourceCreateBlob, size) + 4, 0);
    } else {
      Put(bytes, offsetof(wire::AttachBacking, nr_entries), count);
    }
    for (uint32_t i = 0; i < count; ++i) {
      Append(bytes, static_cast<uint32_t>(kGuestBase) + random_() % (1u << 20));
      Append(bytes, 0);
      Append(bytes, random_() % 3 == 0 ? Number() : 16384);
      Append(bytes, 0);
    }
  }
  void AppendStream(std::vector<std::byte>& bytes) {
    const std::size_t begin = bytes.size();
    for (uint32_t commands = random_() % 6; commands > 0; --commands) {
      const uint32_t length = random_() % 16;
      Append(bytes, random_() % 52 | random_() % 12 << 8 | length << 16);
      for (uint32_t i = 0; i < length; ++i) Append(bytes, Number());
    }
    Put(bytes, offsetof(wire::Submit3d, size), static_cast<uint32_t>(bytes.size() - begin));
  }

  std::mt19937 random_;
};

class RandomGuest : public HostileGuest, public testing::WithParamInterface<uint32_t> {};

// Against requests of random fields.

TEST_P(RandomGuest, HarmsNothingAndLeavesNothing) {
  const bool virgl = GetParam() % 2 == 1;
  if (!Boot({.scanouts = 4,
             .max_memory = 4u << 20,
             .max_host_memory = 64u << 20,
             .virgl = virgl,
             .window_bytes = 1u << 20})) {
    GTEST_SKIP() << why_;
  }
  RandomRequests requests(GetParam());
  for (int i = 0; i < 2000; ++i) {
    const Request request(requests.Next());
    ASSERT_NE(NameOf(SendOn(QueueOf(request), request)), "none") << "request " << i;
  }
  ASSERT_TRUE(guest().Reboot());
  ExpectNothingIsHeld();
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGuest, testing::Range(0u, 8u));

}  // namespace
}  // namespace vgpu::test
