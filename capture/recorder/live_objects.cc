#include "capture/recorder/live_objects.h"

#include "format/protocol/virtio_gpu.h"

namespace vgpu {

namespace {

template <typename Struct>
std::vector<std::byte> ToVector(const Struct& value) {
  const Bytes bytes = StructBytes(value);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

void LiveObjects::Note(Bytes request, Bytes response) {
  const auto header = ReadStruct<wire::CtrlHeader>(request);
  const auto answer = ReadStruct<wire::CtrlHeader>(response);
  // Every request about a resource starts with its id, right behind the header.
  const auto resource = ReadStruct<le32>(request, sizeof(wire::CtrlHeader));
  if (!header || !answer || IsErrorResponse(answer->type)) return;
  switch (static_cast<CommandType>(uint32_t{header->type})) {
    case CommandType::CTX_CREATE:
      contexts_.insert(header->ctx_id);
      break;
    case CommandType::CTX_DESTROY:
      contexts_.erase(header->ctx_id);
      break;
    case CommandType::RESOURCE_CREATE_2D:
    case CommandType::RESOURCE_CREATE_3D:
    case CommandType::RESOURCE_CREATE_BLOB:
      if (resource) resources_.insert(*resource);
      break;
    case CommandType::RESOURCE_UNREF:
      if (resource) resources_.erase(*resource);
      break;
    default:
      break;
  }
}

std::vector<std::vector<std::byte>> LiveObjects::DestroyAll() {
  std::vector<std::vector<std::byte>> requests;
  for (const uint32_t id : contexts_) {
    wire::HeaderOnly destroy;
    destroy.hdr.type = static_cast<uint32_t>(CommandType::CTX_DESTROY);
    destroy.hdr.ctx_id = id;
    requests.push_back(ToVector(destroy));
  }
  for (const uint32_t id : resources_) {
    wire::ResourceRequest unref;
    unref.hdr.type = static_cast<uint32_t>(CommandType::RESOURCE_UNREF);
    unref.resource_id = id;
    requests.push_back(ToVector(unref));
  }
  contexts_.clear();
  resources_.clear();
  return requests;
}

}  // namespace vgpu
