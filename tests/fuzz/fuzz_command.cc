// Any bytes as a request and as a response: decoded, its entries read, printed both ways.

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "format/protocol/decode.h"
#include "format/protocol/print.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const vgpu::Bytes bytes = std::as_bytes(std::span(data, size));
  if (const auto request = vgpu::DecodeRequest(bytes)) {
    Require(request->fixed.size() + request->trailing.size() <= size);
    Require(request->Entries().size() * sizeof(vgpu::wire::MemEntry) <= size);
  }
  Require(!vgpu::RequestText(bytes).empty() && !vgpu::ResponseText(bytes).empty());
  Require(nlohmann::json::accept(vgpu::RequestJson(bytes)));
  Require(nlohmann::json::accept(vgpu::ResponseJson(bytes)));
  return 0;
}
