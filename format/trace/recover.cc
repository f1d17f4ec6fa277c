#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "format/trace/trace_reader.h"
#include "format/trace/trace_writer.h"
#include "format/trace/version.h"

namespace vgpu {

namespace {

// Blob ids that were copied, as ranges: one more for each stretch of damage.
class CopiedBlobs {
 public:
  void Add(uint64_t id) {
    if (ranges_.empty() || ranges_.back().second != id) ranges_.emplace_back(id, id);
    ++ranges_.back().second;
  }

  bool HasAll(const google::protobuf::RepeatedField<uint64_t>& ids) const {
    return std::all_of(ids.begin(), ids.end(), [&](uint64_t id) { return Has(id); });
  }

 private:
  bool Has(uint64_t id) const {
    const auto behind = std::partition_point(ranges_.begin(), ranges_.end(),
                                             [&](const auto& range) { return range.first <= id; });
    return behind != ranges_.begin() && id < std::prev(behind)->second;
  }

  std::vector<std::pair<uint64_t, uint64_t>> ranges_;  // first, one past the last
};

proto::Packet MakeLoss(uint64_t first_command, uint64_t commands, uint64_t bytes,
                       const std::string& reason) {
  proto::Packet packet;
  auto& loss = *packet.mutable_loss();
  loss.set_first_command(first_command);
  loss.set_commands(commands);
  loss.set_bytes(bytes);
  loss.set_reason(reason);
  return packet;
}

class Recoverer {
 public:
  Recoverer(TraceReader& reader, TraceWriter& writer, const RecoveryProgress& progress)
      : reader_(reader),
        writer_(writer),
        progress_(progress),
        known_(reader.summary().damage),
        next_found_(known_.size()) {
    std::stable_sort(known_.begin(), known_.end(),
                     [](const Damage& a, const Damage& b) { return a.offset < b.offset; });
  }

  Result<Recovery> Run() {
    if (auto written = WriteSession(); !written) return tl::unexpected(written.error());
    while (true) {
      auto packet = reader_.Next();
      if (!packet) return tl::unexpected(packet.error());
      if (*packet == nullptr) break;
      if (auto copied = Step(**packet); !copied) return tl::unexpected(copied.error());
    }
    if (auto written = WriteRest(); !written) return tl::unexpected(written.error());
    if (auto closed = writer_.Close(); !closed) return tl::unexpected(closed.error());
    recovery_.damage = reader_.summary().damage;
    recovery_.truncated = reader_.summary().truncated;
    recovery_.index_damage = reader_.summary().index_damage;
    return std::move(recovery_);
  }

 private:
  // The recorded session, or one that says that it is lost.
  Status WriteSession() {
    proto::Packet packet;
    auto& session = *packet.mutable_session();
    session = reader_.session();
    if (session.format_version() == 0) {
      session.set_format_version(kFormatVersion);
      session.set_producer(fmt::format("recovery {}", VGPU_VERSION));
      session.add_blind_spots("The session packet was damaged: what recorded this is not known.");
    }
    return Put(packet);
  }

  Status Step(const proto::Packet& packet) {
    if (progress_ && reader_.chunk_offset() != chunk_offset_) {
      chunk_offset_ = reader_.chunk_offset();
      progress_(chunk_offset_, reader_.summary().file_bytes);
    }
    if (auto noted = WriteLosses(reader_.chunk_offset() + 1); !noted) return noted;
    if (packet.has_session()) return {};
    if (packet.has_blob()) return CopyBlob(packet);
    const bool refers_to_lost = packet.has_memory() && !blobs_.HasAll(packet.memory().blob());
    if (refers_to_lost) return WriteLostMemory(packet.memory());
    const bool picture_lost = packet.has_frame() && !blobs_.HasAll(packet.frame().picture());
    if (!picture_lost) return PutOrLose(packet);
    proto::Packet without = packet;
    without.mutable_frame()->clear_picture();
    return PutOrLose(without);
  }

  Status CopyBlob(const proto::Packet& packet) {
    const auto data = reader_.Blob(packet.blob().id());
    if (!data) return PutOrLose(packet);  // no blob of its chunk: two bodies in one packet
    proto::Packet whole = packet;
    whole.mutable_blob()->set_data(data->data(), data->size());
    return PutOrLose(whole);
  }

  // A packet that the writer refuses (a number that goes back) is a loss, not a failure.
  Status PutOrLose(const proto::Packet& packet) {
    auto written = Put(packet);
    if (written || written.error().code != ErrorCode::kUsage) return written;
    const std::string reason = fmt::format("chunk at offset {}: {}; skipped 1 packet",
                                           reader_.chunk_offset(), written.error().message);
    return Put(MakeLoss(next_command_, packet.has_command() ? 1 : 0, 0, reason));
  }

  Status Put(const proto::Packet& packet) {
    if (auto written = writer_.Write(packet); !written) return written;
    ++recovery_.packets;
    if (packet.has_blob()) blobs_.Add(packet.blob().id());
    if (packet.has_frame()) ++recovery_.frames;
    if (packet.has_command()) {
      ++recovery_.commands;
      next_command_ = packet.command().number() + 1;
    }
    return {};
  }

  Status WriteLostMemory(const proto::Memory& memory) {
    const auto& box = memory.box();
    const uint64_t bytes =
        box.row_bytes() * std::max<uint64_t>(box.rows(), 1) * std::max<uint64_t>(box.layers(), 1);
    return Put(MakeLoss(next_command_, 0, bytes,
                        fmt::format("memory of resource {} for command {} is lost with its blobs",
                                    memory.resource_id(), next_command_)));
  }

  // Writes the damage that lies before `offset` and is not written yet: what was known at the
  // opening, by its place, and what was found since, which always lies before.
  Status WriteLosses(uint64_t offset) {
    for (; next_known_ < known_.size() && known_[next_known_].offset < offset; ++next_known_) {
      if (auto written = WriteLoss(known_[next_known_]); !written) return written;
    }
    const auto& damage = reader_.summary().damage;
    while (next_found_ < damage.size()) {
      if (auto written = WriteLoss(damage[next_found_++]); !written) return written;
    }
    return {};
  }

  Status WriteLoss(const Damage& damage) {
    const uint64_t commands = damage.commands.value_or(0);
    next_command_ = std::max(next_command_, damage.first_command + commands);
    return Put(MakeLoss(damage.first_command, commands, damage.size, damage.what));
  }

  Status WriteRest() {
    if (auto noted = WriteLosses(UINT64_MAX); !noted) return noted;
    if (!reader_.summary().truncated) return {};
    return Put(MakeLoss(next_command_, 0, 0, "the file was cut inside its last chunk"));
  }

  TraceReader& reader_;
  TraceWriter& writer_;
  const RecoveryProgress& progress_;
  uint64_t chunk_offset_ = 0;  // of the packet at hand
  Recovery recovery_;
  CopiedBlobs blobs_;
  uint64_t next_command_ = 0;
  std::vector<Damage> known_;  // at the opening, by offset
  size_t next_known_ = 0;      // to be written
  size_t next_found_ = 0;      // in the reader's list
};

Status CheckPlace(const std::filesystem::path& to, bool overwrite) {
  std::error_code error;
  const auto status = std::filesystem::status(to, error);
  if (!std::filesystem::exists(status)) return {};
  if (!std::filesystem::is_regular_file(status)) {
    return MakeError(ErrorCode::kUsage, fmt::format("{} is not a regular file", to.string()));
  }
  if (overwrite) return {};
  return MakeError(ErrorCode::kUsage, fmt::format("{} exists and is not overwritten", to.string()));
}

Result<Recovery> RecoverInto(TraceReader& reader, const std::filesystem::path& part,
                             const RecoveryProgress& progress) {
  TraceWriterOptions options;
  options.overwrite = true;
  auto writer = TraceWriter::Create(part, options);
  if (!writer) return tl::unexpected(writer.error());
  return Recoverer(reader, **writer, progress).Run();
}

}  // namespace

Result<Recovery> RecoverTrace(const std::filesystem::path& from, const std::filesystem::path& to,
                              bool overwrite, const RecoveryProgress& progress) {
  auto reader = TraceReader::Open(from);
  if (!reader) return tl::unexpected(reader.error());
  std::error_code ignored;
  if (std::filesystem::equivalent(from, to, ignored)) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("{} cannot be recovered into itself", from.string()));
  }
  if (auto free = CheckPlace(to, overwrite); !free) return tl::unexpected(free.error());
  // Beside it, so that what is there stays until there is something better.
  const std::filesystem::path part = to.string() + ".part";
  auto recovery = RecoverInto(**reader, part, progress);
  std::error_code error;
  if (recovery) std::filesystem::rename(part, to, error);
  if (!recovery || error) std::filesystem::remove(part, ignored);
  if (error) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{} cannot be written: {}", to.string(), error.message()));
  }
  return recovery;
}

}  // namespace vgpu
