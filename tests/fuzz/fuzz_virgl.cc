// Any dwords as a virgl stream: walked, printed both ways, its backing accesses laid out for
// resources of many shapes.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "format/protocol/print.h"
#include "format/protocol/virgl.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// The id's bits choose the shape, so that the input decides; some ids are unknown.
const vgpu::ResourceShape* ShapeOfId(uint32_t id, vgpu::ResourceShape& shape) {
  shape = {.target = id % 9,
           .format = (id >> 4) % 330,
           .width = 1u << (id >> 8) % 32,
           .height = 1 + (id >> 13) % 4096,
           .depth = 1 + (id >> 20) % 16,
           .array_size = 1 + (id >> 24) % 16,
           .last_level = (id >> 28) % 14};
  return id == 0 ? nullptr : &shape;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  std::vector<uint32_t> words(size / sizeof(uint32_t));
  if (!words.empty()) std::memcpy(words.data(), data, words.size() * sizeof(uint32_t));

  std::size_t next = 0;
  const vgpu::Status walked = vgpu::WalkVirgl(words, [&](const vgpu::VirglCommand& command) {
    Require(command.offset == next && command.words.size() >= command.info->min_length);
    next += 1 + command.words.size();
  });
  Require(walked.has_value() == (next == words.size()));

  vgpu::ResourceShape shape;
  const auto accesses =
      vgpu::BackingAccessesOf(words, [&](uint32_t id) { return ShapeOfId(id, shape); });
  for (const vgpu::BackingAccess& access : accesses) {
    Require(access.box.End() <= uint64_t{1} << 32);
    Require(access.stream_offset < next);  // where the walk ended
    Require(access.box.offset + access.box.TotalBytes() <= access.box.End());
  }

  std::string text, json = "[";
  vgpu::TextSink text_sink(text);
  vgpu::JsonSink json_sink(json);
  Require(vgpu::PrintVirgl(words, {}, text_sink).has_value() == walked.has_value());
  (void)vgpu::PrintVirgl(words, {}, json_sink);
  Require(nlohmann::json::accept(json + "]"));
  return 0;
}
