// Reads any bytes as a trace, then recovers them: what comes out must open without damage.
//
// The first byte says how the rest is taken: as a file, or as chunks that are given their
// checksums here, so that what lies behind those is reached too.
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "format/trace/chunk_codec.h"
#include "format/trace/trace_reader.h"

namespace vgpu {
namespace {

class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {}
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
  void Set(const std::string& content) {
    if (ftruncate(fd_, 0) != 0 || pwrite(fd_, content.data(), content.size(), 0) < 0) std::abort();
  }

 private:
  int fd_;
};

// A field from the input: small numbers mostly, so that they meet.
uint64_t Number(FuzzedDataProvider& in) {
  return in.ConsumeBool() ? in.ConsumeIntegral<uint8_t>() : in.ConsumeIntegral<uint64_t>();
}

std::string MakeChunks(FuzzedDataProvider& in) {
  std::string file;
  ChunkEncoder plain(0);
  ChunkEncoder packed(1);
  while (in.remaining_bytes() > 0 && file.size() < (1u << 20)) {
    proto::Range range;
    range.set_first_command(Number(in));
    range.set_commands(Number(in));
    range.set_first_frame(Number(in));
    range.set_frames(Number(in));
    range.set_first_blob(Number(in));
    range.set_blobs(Number(in));
    const bool closes = in.ConsumeBool();
    ChunkEncoder& encoder = in.ConsumeBool() ? packed : plain;
    const std::string payload = in.ConsumeRandomLengthString();
    const auto chunk = encoder.Encode(std::as_bytes(std::span(payload)), range,
                                      closes ? std::optional<uint64_t>(file.size()) : std::nullopt);
    if (!chunk) std::abort();
    file.append(reinterpret_cast<const char*>(chunk->data()), chunk->size());
  }
  return file;
}

void ReadEverything(TraceReader& reader) {
  std::vector<std::byte> content;
  uint64_t last_command = 0;
  while (true) {
    const auto packet = reader.Next();
    if (!packet || *packet == nullptr) break;
    if ((*packet)->has_command()) last_command = (*packet)->command().number();
    if (!(*packet)->has_memory()) continue;
    content.clear();
    (void)reader.AppendBlobs((*packet)->memory().blob(), content, 1u << 20);
  }
  for (const ChunkEntry& chunk : reader.chunks()) {
    (void)reader.Blob(chunk.range.first_blob());
    (void)reader.Blob(chunk.range.first_blob() + chunk.range.blobs() - 1);
  }
  (void)reader.SeekToCommand(last_command);
  (void)reader.Next();
}

void Check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

void CheckRecovery(const MemoryFile& from) {
  static const MemoryFile to;
  const auto recovery = RecoverTrace(from.path(), to.path(), true);
  if (!recovery) return;
  const auto reader = TraceReader::Open(to.path());
  Check(reader.has_value(), "a recovered trace does not open");
  uint64_t packets = 0;
  while (true) {
    const auto packet = (*reader)->Next();
    Check(packet.has_value(), "a recovered trace cannot be read");
    if (*packet == nullptr) break;
    ++packets;
  }
  Check(packets == recovery->packets, "a recovered trace has another number of packets");
  Check((*reader)->summary().has_index, "a recovered trace has no index");
  Check((*reader)->summary().damage.empty(), "a recovered trace is damaged");
}

}  // namespace
}  // namespace vgpu

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static vgpu::MemoryFile file;
  FuzzedDataProvider in(data, size);
  const bool as_file = in.ConsumeIntegral<uint8_t>() % 2 == 0;
  file.Set(as_file ? in.ConsumeRemainingBytesAsString() : vgpu::MakeChunks(in));
  const auto reader = vgpu::TraceReader::Open(file.path());
  if (reader) {
    vgpu::ReadEverything(**reader);
    vgpu::CheckRecovery(file);
  }
  return 0;
}
