// Seeds from recordings of real programs: sample_seeds SAMPLES_DIR OUT_DIR.
// OUT_DIR/trace gets the traces; OUT_DIR/command requests and responses, a few of each type;
// OUT_DIR/virgl streams that are short, and each kind of virgl command by itself.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "format/protocol/decode.h"
#include "format/protocol/virgl.h"
#include "format/trace/trace_reader.h"

namespace {

constexpr int kOfEachType = 2;
constexpr std::size_t kMaxSeedBytes = 16u << 10;  // longer ones make a fuzzer slow
constexpr int kWholeStreams = 16;

class Seeds {
 public:
  explicit Seeds(std::filesystem::path out) : out_(std::move(out)) {
    for (const char* folder : {"trace", "command", "virgl"}) {
      std::filesystem::create_directories(out_ / folder);
    }
  }

  bool Add(const std::filesystem::path& sample) {
    std::ifstream in(sample, std::ios::binary);
    std::ofstream trace(out_ / "trace" / sample.filename(), std::ios::binary);
    trace << in.rdbuf() << '\0';  // the byte that has fuzz_trace take the rest as a file
    const auto reader = vgpu::TraceReader::Open(sample);
    if (!reader) return false;
    name_ = sample.stem().string();
    while (true) {
      const auto packet = (*reader)->Next();
      if (!packet || *packet == nullptr) return packet.has_value();
      if ((*packet)->has_command()) AddCommand((*packet)->command());
    }
  }

 private:
  static vgpu::Bytes BytesOf(const std::string& text) { return std::as_bytes(std::span(text)); }

  void AddCommand(const vgpu::proto::Command& command) {
    AddMessage("request", BytesOf(command.request()));
    AddMessage("response", BytesOf(command.response()));
    const auto decoded = vgpu::DecodeRequest(BytesOf(command.request()));
    if (decoded && decoded->info->trailing == vgpu::Trailing::kStream) {
      AddStream(decoded->trailing);
    }
  }

  void AddMessage(const std::string& what, vgpu::Bytes bytes) {
    const auto header = vgpu::ReadStruct<vgpu::wire::CtrlHeader>(bytes);
    if (!header || bytes.size() > kMaxSeedBytes) return;
    int& taken = taken_[what + std::to_string(uint32_t{header->type})];
    if (taken++ < kOfEachType) Save("command", what, bytes);
  }

  void AddStream(vgpu::Bytes bytes) {
    if (bytes.size() <= kMaxSeedBytes && streams_++ < kWholeStreams) Save("virgl", "stream", bytes);
    std::vector<uint32_t> storage;
    const std::span<const uint32_t> words = vgpu::WordsOf(bytes, storage);
    (void)vgpu::WalkVirgl(words, [&](const vgpu::VirglCommand& command) {
      const auto whole = words.subspan(command.offset, 1 + command.words.size());
      if (whole.size_bytes() > kMaxSeedBytes) return;
      if (!kinds_.insert({command.info->value, command.object}).second) return;
      Save("virgl", std::string(command.info->name), std::as_bytes(whole));
    });
  }

  void Save(const std::string& folder, const std::string& what, vgpu::Bytes bytes) {
    const std::string name = name_ + '-' + what + '-' + std::to_string(saved_++);
    std::ofstream(out_ / folder / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }

  std::filesystem::path out_;
  std::string name_;  // of the sample
  int saved_ = 0;
  int streams_ = 0;
  std::map<std::string, int> taken_;
  std::set<std::pair<uint32_t, uint32_t>> kinds_;  // command and object
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Seeds seeds(argv[2]);
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.path().extension() == ".vgpu" && !seeds.Add(entry.path())) return 1;
  }
  return 0;
}
