// Seeds of fuzz_queue: queue_seeds SAMPLES_DIR OUT_DIR.
//
// Each recording's first control requests as steps of the target: backing entries are put into its
// guest memory, what is too large for its requests is left out.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "format/protocol/decode.h"
#include "format/trace/trace_reader.h"
#include "tests/fuzz/queue_steps.h"

namespace {

constexpr std::size_t kSeedBytes = 48u << 10;

std::string Placed(std::string request) {
  const auto decoded = vgpu::DecodeRequest(std::as_bytes(std::span(request)));
  if (!decoded || decoded->info->trailing != vgpu::Trailing::kMemEntries) return request;
  uint64_t page = 0;
  for (std::size_t at = decoded->fixed.size(); at + sizeof(vgpu::wire::MemEntry) <= request.size();
       at += sizeof(vgpu::wire::MemEntry)) {
    const vgpu::le64 address = vgpu::test::kGuestBase + page++ % 64 * vgpu::fuzz::kPageBytes;
    std::memcpy(request.data() + at, &address, sizeof(address));
  }
  return request;
}

std::string StepOf(const std::string& request) {
  std::string step(1, static_cast<char>(vgpu::fuzz::kRawStep));
  step += static_cast<char>(request.size() & 0xff);
  step += static_cast<char>(request.size() >> 8);
  return step + request + '\0';
}

bool WriteSeed(const std::filesystem::path& sample, const std::filesystem::path& out) {
  const auto reader = vgpu::TraceReader::Open(sample);
  if (!reader) return false;
  std::string seed;
  while (seed.size() < kSeedBytes) {
    const auto packet = (*reader)->Next();
    if (!packet) return false;
    if (*packet == nullptr) break;
    if (!(*packet)->has_command() || (*packet)->command().queue() != 0) continue;
    const std::string request = Placed((*packet)->command().request());
    if (request.size() <= vgpu::fuzz::kRequestRoom) seed += StepOf(request);
  }
  std::ofstream(out / sample.stem(), std::ios::binary) << seed;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path out(argv[2]);
  std::filesystem::create_directories(out);
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.path().extension() == ".vgpu" && !WriteSeed(entry.path(), out)) return 1;
  }
  return 0;
}
