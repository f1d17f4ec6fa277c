// Plants a regression in a copy of a trace, as a changed guest or renderer would cause it.
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "format/protocol/decode.h"
#include "format/protocol/virgl.h"
#include "format/trace/trace_reader.h"
#include "format/trace/trace_writer.h"

namespace vgpu {
namespace {

constexpr char kUsage[] =
    "Usage: edit_trace FROM TO EDIT\n"
    "  pixel FRAME X Y BYTES   before frame FRAME is presented, the texel at X,Y of its resource "
    "is BYTES (hex)\n"
    "  shader OLD NEW          in every shader, the text OLD becomes NEW, of the same length\n"
    "  upload RESOURCE         nothing is uploaded to RESOURCE\n"
    "  flip                    every viewport is upside down\n"
    "  frame FRAME             frame FRAME is not presented\n";

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "edit_trace: %s\n", why.c_str());
  std::exit(2);
}

template <typename T>
T OrDie(Result<T> result) {
  if (!result) Die(result.error().message);
  return std::move(*result);
}

void OrDie(const Status& status) {
  if (!status) Die(status.error().message);
}

// "00ff8040" as bytes.
std::vector<std::byte> BytesOfHex(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// What is done to each packet in order; false leaves the packet out.
class Edit {
 public:
  virtual ~Edit() = default;
  virtual bool OnPacket(proto::Packet& packet) = 0;
  uint64_t changes = 0;
};

// The stream of a SUBMIT_3D, changed in place or made longer.
class StreamEdit : public Edit {
 public:
  bool OnPacket(proto::Packet& packet) override {
    if (!packet.has_command()) return true;
    std::string& request = *packet.mutable_command()->mutable_request();
    const auto decoded = DecodeRequest(std::as_bytes(std::span(request)));
    if (!decoded || decoded->header.type != static_cast<uint32_t>(CommandType::SUBMIT_3D))
      return true;
    std::vector<uint32_t> words(decoded->trailing.size() / 4);
    std::memcpy(words.data(), decoded->trailing.data(), words.size() * 4);
    OnStream(packet.command().number(), words);
    auto submit = decoded->As<wire::Submit3d>();
    submit.size = static_cast<uint32_t>(words.size() * 4);
    const auto bytes = EncodeRequest(submit, std::as_bytes(std::span(words)));
    request.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return true;
  }

 protected:
  virtual void OnStream(uint64_t command, std::vector<uint32_t>& words) = 0;

  static void Walk(std::vector<uint32_t>& words, const char* name,
                   const std::function<void(std::span<uint32_t> body, uint32_t& head)>& visit) {
    const auto each = [&](const VirglCommand& command) {
      if (command.info->name != name) return;
      visit(std::span(words).subspan(command.offset + 1, command.words.size()),
            words[command.offset]);
    };
    OrDie(WalkVirgl(words, each));
  }
};

class PixelEdit : public StreamEdit {
 public:
  PixelEdit(uint64_t submit, uint32_t resource, uint32_t x, uint32_t y,
            std::vector<std::byte> texel)
      : submit_(submit), resource_(resource), x_(x), y_(y), texel_(std::move(texel)) {}

 protected:
  void OnStream(uint64_t command, std::vector<uint32_t>& words) override {
    if (command != submit_) return;
    ++changes;
    constexpr uint32_t kInlineWrite = 9, kFixed = 11;
    const auto data = static_cast<uint32_t>((texel_.size() + 3) / 4);
    words.push_back(kInlineWrite | (kFixed + data) << 16);
    for (const uint32_t word : {resource_, 0u, 0u, 0u, 0u, x_, y_, 0u, 1u, 1u, 1u})
      words.push_back(word);
    words.resize(words.size() + data);
    std::memcpy(words.data() + words.size() - data, texel_.data(), texel_.size());
  }

 private:
  uint64_t submit_;
  uint32_t resource_, x_, y_;
  std::vector<std::byte> texel_;
};

class ShaderEdit : public StreamEdit {
 public:
  ShaderEdit(std::string old_text, std::string new_text)
      : old_(std::move(old_text)), new_(std::move(new_text)) {
    if (old_.size() != new_.size()) Die("OLD and NEW are not of one length");
  }

 protected:
  void OnStream(uint64_t, std::vector<uint32_t>& words) override {
    Walk(words, "CREATE_OBJECT", [&](std::span<uint32_t> body, uint32_t&) {
      const auto bytes = std::as_writable_bytes(body);
      std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      for (size_t at = text.find(old_); at != std::string::npos; at = text.find(old_, at + 1)) {
        ++changes;
        text.replace(at, old_.size(), new_);
      }
      std::memcpy(bytes.data(), text.data(), text.size());
    });
  }

 private:
  std::string old_, new_;
};

// As the driver's NOP, of the same length, where it is inside a stream.
class UploadEdit : public StreamEdit {
 public:
  explicit UploadEdit(uint32_t resource) : resource_(resource) {}

  bool OnPacket(proto::Packet& packet) override {
    if (packet.has_command()) {
      const auto decoded = DecodeRequest(std::as_bytes(std::span(packet.command().request())));
      if (decoded &&
          decoded->header.type == static_cast<uint32_t>(CommandType::TRANSFER_TO_HOST_3D) &&
          decoded->As<wire::TransferHost3d>().resource_id == resource_) {
        ++changes;
        return false;
      }
    }
    return StreamEdit::OnPacket(packet);
  }

 protected:
  void OnStream(uint64_t, std::vector<uint32_t>& words) override {
    Walk(words, "TRANSFER3D", [&](std::span<uint32_t> body, uint32_t& head) {
      if (body[0] != resource_) return;
      ++changes;
      head &= 0xffff0000u;
    });
  }

 private:
  uint32_t resource_;
};

class FlipEdit : public StreamEdit {
 protected:
  void OnStream(uint64_t, std::vector<uint32_t>& words) override {
    Walk(words, "SET_VIEWPORT_STATE", [&](std::span<uint32_t> body, uint32_t&) {
      for (size_t at = 1; at + 6 <= body.size(); at += 6) {
        ++changes;
        body[at + 1] ^= 0x80000000u;  // the sign of scale.y
      }
    });
  }
};

class FrameEdit : public Edit {
 public:
  FrameEdit(uint64_t frame, uint64_t command) : frame_(frame), command_(command) {}

  bool OnPacket(proto::Packet& packet) override {
    const bool drop = (packet.has_frame() && packet.frame().number() == frame_) ||
                      (packet.has_command() && packet.command().number() == command_) ||
                      (packet.has_readback() && packet.readback().command() == command_);
    if (drop) ++changes;
    return !drop;
  }

 private:
  uint64_t frame_, command_;
};

struct PlaceOfFrame {
  uint64_t last_submit = 0;  // before it
  uint64_t command = 0;
  uint32_t resource = 0;
};

PlaceOfFrame FindFrame(const std::string& trace, uint64_t number) {
  const auto reader = OrDie(TraceReader::Open(trace));
  PlaceOfFrame place;
  while (const proto::Packet* packet = OrDie(reader->Next())) {
    if (packet->has_command()) {
      const auto header =
          ReadStruct<wire::CtrlHeader>(std::as_bytes(std::span(packet->command().request())));
      if (header && header->type == static_cast<uint32_t>(CommandType::SUBMIT_3D)) {
        place.last_submit = packet->command().number();
      }
    }
    if (!packet->has_frame() || packet->frame().number() != number) continue;
    place.command = packet->frame().command();
    place.resource = packet->frame().resource_id();
    return place;
  }
  Die("the trace has no frame " + std::to_string(number));
}

std::unique_ptr<Edit> EditOf(const std::string& trace, const std::vector<std::string>& words) {
  const auto number = [&](size_t i) { return std::stoul(words[i]); };
  const auto is = [&](const char* name, size_t arguments) {
    return !words.empty() && words[0] == name && words.size() == arguments + 1;
  };
  if (is("pixel", 4)) {
    const PlaceOfFrame frame = FindFrame(trace, number(1));
    return std::make_unique<PixelEdit>(frame.last_submit, frame.resource,
                                       static_cast<uint32_t>(number(2)),
                                       static_cast<uint32_t>(number(3)), BytesOfHex(words[4]));
  }
  if (is("shader", 2)) return std::make_unique<ShaderEdit>(words[1], words[2]);
  if (is("upload", 1)) return std::make_unique<UploadEdit>(static_cast<uint32_t>(number(1)));
  if (is("flip", 0)) return std::make_unique<FlipEdit>();
  if (is("frame", 1))
    return std::make_unique<FrameEdit>(number(1), FindFrame(trace, number(1)).command);
  return nullptr;
}

int Main(const std::vector<std::string>& args) {
  if (args.size() < 3) Die(kUsage);
  const auto edit = EditOf(args[0], {args.begin() + 2, args.end()});
  if (edit == nullptr) Die(kUsage);
  const auto reader = OrDie(TraceReader::Open(args[0]));
  const auto writer = OrDie(TraceWriter::Create(args[1], {}));
  proto::Packet session;
  *session.mutable_session() = reader->session();
  OrDie(writer->Write(session));
  while (const proto::Packet* next = OrDie(reader->Next())) {
    proto::Packet packet = *next;
    if (packet.has_session()) continue;
    if (packet.has_blob()) {
      const Bytes data = OrDie(reader->Blob(packet.blob().id()));
      packet.mutable_blob()->set_data(data.data(), data.size());
    }
    if (edit->OnPacket(packet)) OrDie(writer->Write(packet));
  }
  OrDie(writer->Close());
  if (edit->changes == 0) Die("nothing in " + args[0] + " is changed by it");
  std::fprintf(stderr, "edit_trace: %llu changes\n",
               static_cast<unsigned long long>(edit->changes));
  return 0;
}

}  // namespace
}  // namespace vgpu

int main(int argc, char** argv) { return vgpu::Main({argv + 1, argv + argc}); }
