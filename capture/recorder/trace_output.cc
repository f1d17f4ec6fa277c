#include "capture/recorder/trace_output.h"

#include <utility>

#include "format/protocol/virtio_gpu.h"

namespace vgpu {

namespace {

// What is held before a file is made. A capset query is some 2 KiB.
constexpr uint64_t kMaxHeldBytes = 4u << 20;

bool MakesSomething(const proto::Packet& packet) {
  if (!packet.has_command()) return false;
  const auto header =
      ReadStruct<wire::CtrlHeader>(std::as_bytes(std::span(packet.command().request())));
  if (!header) return false;
  switch (static_cast<CommandType>(uint32_t{header->type})) {
    case CommandType::CTX_CREATE:
    case CommandType::RESOURCE_CREATE_2D:
    case CommandType::RESOURCE_CREATE_3D:
    case CommandType::RESOURCE_CREATE_BLOB:
      return true;
    default:
      return false;
  }
}

}  // namespace

TraceOutput::TraceOutput(OutputFiles& files, const TraceWriterOptions& options)
    : files_(files), options_(options) {
  options_.overwrite = files.overwrite();
}

Status TraceOutput::Start() {
  if (start_error_) return tl::unexpected(*start_error_);
  path_ = files_.TakeNext();
  auto writer = TraceWriter::Create(path_, options_);
  if (!writer) {
    start_error_ = writer.error();
    return tl::unexpected(*start_error_);
  }
  writer_ = std::move(*writer);
  for (const proto::Packet& packet : std::exchange(held_, {})) {
    if (Status status = writer_->Write(packet); !status) return status;
  }
  return {};
}

Result<std::vector<uint64_t>> TraceOutput::StoreContent(Bytes content) {
  if (!started()) {
    if (Status status = Start(); !status) return tl::unexpected(status.error());
  }
  return writer_->StoreContent(content);
}

Status TraceOutput::Write(const proto::Packet& packet) {
  if (!started()) {
    held_bytes_ += packet.ByteSizeLong();
    if (!MakesSomething(packet) && held_bytes_ <= kMaxHeldBytes) {
      held_.push_back(packet);
      return {};
    }
    if (Status status = Start(); !status) return status;
  }
  return writer_->Write(packet);
}

Status TraceOutput::FlushIfDue(uint64_t now_ns) {
  return started() ? writer_->FlushIfDue(now_ns) : Status();
}

Status TraceOutput::Close() { return started() ? writer_->Close() : Status(); }

uint64_t TraceOutput::file_bytes() const { return started() ? writer_->file_bytes() : 0; }
bool TraceOutput::size_limit_reached() const { return started() && writer_->size_limit_reached(); }
uint64_t TraceOutput::boundary_bytes() const { return started() ? writer_->boundary_bytes() : 0; }

}  // namespace vgpu
