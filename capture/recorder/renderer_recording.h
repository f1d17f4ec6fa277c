// The recording of one renderer: its ring, the translation and its trace file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "capture/recorder/trace_output.h"
#include "capture/recorder/translator.h"
#include "capture/ring/ring.h"

namespace vgpu {

struct RecordingLimits {
  uint64_t last_frame = UINT64_MAX;  // the last that is recorded
  uint64_t max_file_bytes = 0;       // 0: none
};

// What is known of one renderer's recording, now or at its end.
struct RendererStatus {
  uint32_t pid = 0;
  std::filesystem::path file;  // empty: nothing worth recording yet
  bool recording = true;
  TranslatorCounts counts;
  uint64_t file_bytes = 0;
  uint64_t boundary_bytes = 0;
  uint64_t pending_bytes = 0;  // in the ring
  std::string end_reason;      // why it ended
  std::string error;           // empty: none
};

class RendererRecording {
 public:
  // `files` outlives the recording.
  RendererRecording(std::unique_ptr<RingReader> ring, RendererOrigin origin, OutputFiles& files,
                    const TraceWriterOptions& options, const RecordingLimits& limits);

  // Moves a bounded slice from the ring to the file. True: bytes moved, so there may be more. Ends
  // the recording at a limit or an error; a finished recording has nothing to move.
  bool Drain(uint64_t now_ns);
  // Empties the ring, writes `end`, and closes the file. The writer is told to stop.
  void Finish(const proto::End& end, Translator::OpenCommand open);
  void Mark(std::string_view text, uint64_t time_ns);

  uint64_t records() const { return records_; }  // moved so far
  // The renderer said that it is gone: nothing more comes from it.
  bool said_goodbye() const { return translator_.was_reset(); }
  bool finished() const { return ring_ == nullptr; }
  int ring_memfd() const { return ring_->memfd(); }
  RendererStatus status() const;

 private:
  // True while bytes move. A record may come in pieces.
  bool DrainSlice();
  void NoteLoss();
  // Ends the recording: what is held first, then `end`, then the index.
  void Close(const proto::End& end, Translator::OpenCommand open);
  void CloseBecause(const std::string& reason);
  // Ends it where something cannot be written or read any more.
  void Fail(const Error& error);

  std::unique_ptr<RingReader> ring_;  // none once finished
  RendererOrigin origin_;
  TraceOutput output_;
  Translator translator_;
  RecordingLimits limits_;
  uint64_t records_ = 0;
  DropCounts lost_;
  std::string end_reason_;
  std::optional<Error> error_;
};

}  // namespace vgpu
