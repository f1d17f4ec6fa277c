#include "gpu.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

#include "report.h"

namespace {

bool TakesTime(wire::Command command) {
  return command == wire::kTransferToHost2d || command == wire::kTransferToHost3d ||
         command == wire::kTransferFromHost3d || command == wire::kSubmit3d;
}

wire::Transfer3d WholeOf(uint32_t resource, uint32_t width, uint32_t height) {
  wire::Transfer3d transfer;
  transfer.box = {0, 0, 0, width, height, 1};
  transfer.resource_id = resource;
  return transfer;
}

}  // namespace

template <typename Request>
uint32_t Gpu::Send(wire::Command command, Request& request, std::span<std::byte> response,
                   std::span<const std::byte> tail) {
  request.header.type = command;
  if (TakesTime(command)) {
    request.header.flags |= wire::kFlagFence;
    request.header.fence_id = ++last_fence_;
  }
  const auto bytes = std::as_bytes(std::span(&request, 1));
  std::vector<std::byte> sent(bytes.begin(), bytes.end());
  sent.insert(sent.end(), tail.begin(), tail.end());
  Virtqueue& queue = command >= wire::kUpdateCursor ? device_.cursor() : device_.control();
  if (queue.Exchange(sent, response) < sizeof(wire::Header)) {
    Fail("command 0x%x is answered with less than a header", command);
  }
  wire::Header header;
  std::memcpy(&header, response.data(), sizeof header);
  if (TakesTime(command) && header.type < wire::kFirstError &&
      (header.fence_id != last_fence_ || (header.flags & wire::kFlagFence) == 0)) {
    Fail("command 0x%x is answered without its fence %llu", command,
         static_cast<unsigned long long>(last_fence_));
  }
  return header.type;
}

template <typename Request>
void Gpu::Must(wire::Command command, const char* name, Request request,
               std::span<const std::byte> tail) {
  wire::Header response;
  const uint32_t type =
      Send(command, request, std::as_writable_bytes(std::span(&response, 1)), tail);
  if (type != wire::kOkNodata) {
    Fail("%s is answered with 0x%x, %s", name, type, wire::NameOf(type));
  }
}

wire::Rect Gpu::DisplaySize() {
  wire::Plain request;
  wire::DisplayInfo info;
  const uint32_t type =
      Send(wire::kGetDisplayInfo, request, std::as_writable_bytes(std::span(&info, 1)));
  if (type != wire::kOkDisplayInfo) {
    Fail("GET_DISPLAY_INFO is answered with 0x%x, %s", type, wire::NameOf(type));
  }
  const wire::Rect rect = info.display[0].rect;
  if (info.display[0].enabled == 0 || rect.width == 0 || rect.height == 0) {
    Fail("display 0 is not enabled");
  }
  return rect;
}

std::optional<wire::HeapDescriptor> Gpu::DescribeHeap() {
  wire::AllocationMetadata request;
  request.request_id = 1;
  request.response_size = sizeof(wire::HeapDescriptor);
  wire::AllocationMetadataAnswer answer;
  const uint32_t type =
      Send(wire::kAllocationMetadata, request, std::as_writable_bytes(std::span(&answer, 1)));
  if (type >= wire::kFirstError) return {};
  if (type != wire::kOkAllocationMetadata || answer.request_id != request.request_id ||
      answer.response_size != request.response_size) {
    Fail("ALLOCATION_METADATA is answered with 0x%x, request %u and %u bytes", type,
         answer.request_id, answer.response_size);
  }
  return answer.descriptor;
}

void Gpu::Create2d(uint32_t resource, uint32_t format, uint32_t width, uint32_t height) {
  Must(wire::kCreate2d, "RESOURCE_CREATE_2D", wire::Create2d{{}, resource, format, width, height});
}

void Gpu::Create3d(wire::Create3d request) { Must(wire::kCreate3d, "RESOURCE_CREATE_3D", request); }

void Gpu::Unref(uint32_t resource) {
  Must(wire::kUnref, "RESOURCE_UNREF", wire::OfResource{{}, resource});
}

uint32_t Gpu::TryAttach(uint32_t resource, std::span<const wire::Entry> entries, uint32_t context) {
  wire::AttachBacking request{{}, resource, static_cast<uint32_t>(entries.size())};
  request.header.ctx_id = context;
  wire::Header response;
  return Send(wire::kAttachBacking, request, std::as_writable_bytes(std::span(&response, 1)),
              std::as_bytes(entries));
}

uint32_t Gpu::TryDetach(uint32_t resource, uint32_t context) {
  wire::OfResource request{{}, resource};
  request.header.ctx_id = context;
  wire::Header response;
  return Send(wire::kDetachBacking, request, std::as_writable_bytes(std::span(&response, 1)));
}

void Gpu::Attach(uint32_t resource, wire::Entry entry) {
  const uint32_t type = TryAttach(resource, {&entry, 1});
  if (type != wire::kOkNodata) {
    Fail("RESOURCE_ATTACH_BACKING of %u bytes at 0x%llx is answered with 0x%x, %s", entry.length,
         static_cast<unsigned long long>(entry.address), type, wire::NameOf(type));
  }
}

void Gpu::Detach(uint32_t resource) {
  Must(wire::kDetachBacking, "RESOURCE_DETACH_BACKING", wire::OfResource{{}, resource});
}

void Gpu::TransferToHost2d(uint32_t resource, uint32_t width, uint32_t height) {
  wire::TransferToHost2d transfer;
  transfer.rect = {0, 0, width, height};
  transfer.resource_id = resource;
  Must(wire::kTransferToHost2d, "TRANSFER_TO_HOST_2D", transfer);
}

void Gpu::TransferToHost3d(uint32_t resource, uint32_t width, uint32_t height) {
  Must(wire::kTransferToHost3d, "TRANSFER_TO_HOST_3D", WholeOf(resource, width, height));
}

void Gpu::TransferFromHost3d(uint32_t resource, uint32_t width, uint32_t height) {
  Must(wire::kTransferFromHost3d, "TRANSFER_FROM_HOST_3D", WholeOf(resource, width, height));
}

void Gpu::SetScanout(uint32_t resource, uint32_t width, uint32_t height) {
  Must(wire::kSetScanout, "SET_SCANOUT", wire::SetScanout{{}, {0, 0, width, height}, 0, resource});
}

void Gpu::Flush(uint32_t resource, uint32_t width, uint32_t height) {
  Must(wire::kFlush, "RESOURCE_FLUSH", wire::Flush{{}, {0, 0, width, height}, resource});
}

void Gpu::CreateContext(uint32_t context) {
  constexpr std::string_view kName = "heap_driver";
  wire::CtxCreate request;
  request.header.ctx_id = context;
  request.name_length = kName.size();
  std::copy(kName.begin(), kName.end(), request.name);
  Must(wire::kCtxCreate, "CTX_CREATE", request);
}

void Gpu::DestroyContext(uint32_t context) {
  wire::Plain request;
  request.header.ctx_id = context;
  Must(wire::kCtxDestroy, "CTX_DESTROY", request);
}

void Gpu::AttachToContext(uint32_t context, uint32_t resource) {
  wire::OfResource request{{}, resource};
  request.header.ctx_id = context;
  Must(wire::kCtxAttachResource, "CTX_ATTACH_RESOURCE", request);
}

void Gpu::DetachFromContext(uint32_t context, uint32_t resource) {
  wire::OfResource request{{}, resource};
  request.header.ctx_id = context;
  Must(wire::kCtxDetachResource, "CTX_DETACH_RESOURCE", request);
}

void Gpu::Submit(uint32_t context, std::span<const uint32_t> stream) {
  wire::Submit3d request;
  request.header.ctx_id = context;
  request.size = static_cast<uint32_t>(stream.size_bytes());
  Must(wire::kSubmit3d, "SUBMIT_3D", request, std::as_bytes(stream));
}

void Gpu::UpdateCursor(uint32_t resource, uint32_t x, uint32_t y) {
  Must(wire::kUpdateCursor, "UPDATE_CURSOR", wire::UpdateCursor{{}, 0, x, y, 0, resource});
}

void Gpu::MoveCursor(uint32_t x, uint32_t y) {
  Must(wire::kMoveCursor, "MOVE_CURSOR", wire::UpdateCursor{{}, 0, x, y});
}
