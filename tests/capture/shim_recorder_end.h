// The recorder's end of the shim, small enough for a test: accepts, drains rings, keeps records.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "capture/ring/records.h"
#include "capture/ring/ring.h"

namespace vgpu {

struct ShimRecord {
  ring::RecordType type;
  std::vector<std::byte> payload;

  // The record's struct, and what follows it.
  template <typename Record>
  Record As() const {
    Record out;
    std::memcpy(&out, payload.data(), sizeof(out));
    return out;
  }
  template <typename Record>
  Bytes After() const {
    return Bytes(payload).subspan(sizeof(Record));
  }
};

// One line that says what a record is: "begin SUBMIT_3D", "memory 3 256", "frame 1 64x64".
std::string Describe(const ShimRecord& record);
std::vector<std::string> Describe(const std::vector<ShimRecord>& records);

struct RecorderEndOptions {
  uint32_t record = 1;
  uint32_t frame_checks = 0;
  uint32_t version = 1;  // that it answers with
  uint64_t capacity = 1 << 20;
  OnFull on_full = OnFull::kWait;
  // Hangs up, and reads no more, once this many records were read.
  std::size_t die_after = SIZE_MAX;
  bool keep_quiet = false;  // accept, but never answer: hang up
  bool full_pause = false;  // read nothing before the program has ended
};

class RecorderEnd {
 public:
  explicit RecorderEnd(RecorderEndOptions options);
  ~RecorderEnd();

  const std::string& path() const { return path_; }
  // Serves until `pid` ends; its status as waitpid gives it.
  int ServeUntilEnd(pid_t pid);

  // By renderer, in the order in which they connected.
  std::vector<std::vector<ShimRecord>> renderers;
  DropCounts dropped;
  GaveUp gave_up = GaveUp::kNo;  // of the last renderer

 private:
  struct Client {
    int socket;
    std::unique_ptr<RingReader> ring;
    std::size_t renderer;
  };

  void Accept();
  void Drain(Client& client);

  RecorderEndOptions options_;
  std::string folder_, path_;
  int listener_ = -1;
  std::vector<Client> clients_;
};

}  // namespace vgpu
