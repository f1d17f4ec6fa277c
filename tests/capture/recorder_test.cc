#include "capture/recorder/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <future>

#include "capture/ring/clock.h"
#include "format/trace/trace_reader.h"
#include "tests/capture/recorder_writer.h"

namespace vgpu {
namespace {

using namespace test;  // NOLINT: the records' makers
using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class RecorderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (fs::temp_directory_path() / "vgpu-recorder-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    setenv("XDG_RUNTIME_DIR", folder.c_str(), 1);
    options_.output = folder_ / "t.vgpu";
    options_.ring_bytes = 1u << 20;
    options_.notice = [this](const std::string& notice) { notices_ += notice + "\n"; };
    auto loop = EventLoop::Create();
    ASSERT_TRUE(loop);
    loop_ = std::move(*loop);
  }
  void TearDown() override {
    recorder_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  void Start() {
    auto recorder = Recorder::Create(*loop_, options_);
    ASSERT_TRUE(recorder) << recorder.error().message;
    recorder_ = std::move(*recorder);
  }

  // Serves the recorder until `done`, for at most 20 seconds.
  void ServeUntil(const std::function<bool()>& done) {
    const uint64_t begin = MonotonicNs();
    while (!done()) {
      ASSERT_LT(MonotonicNs() - begin, 20'000'000'000u) << "the recorder does not come to an end";
      loop_->Wait(recorder_->Drain().value_or(std::chrono::milliseconds(5)));
    }
  }

  // Serves until the child has ended and its recording too; its wait status.
  int ServeChild(pid_t pid) {
    int status = -1;
    bool reaped = false;
    ServeUntil([&] {
      if (!reaped && waitpid(pid, &status, WNOHANG) == pid) reaped = true;
      return reaped && !recorder_->HasLiveRenderers();
    });
    return status;
  }

  std::vector<proto::Packet> Read(const fs::path& path, bool expect_index = true) {
    std::vector<proto::Packet> packets;
    auto reader = TraceReader::Open(path);
    EXPECT_TRUE(reader) << (reader ? "" : reader.error().message);
    if (!reader) return packets;
    EXPECT_EQ((*reader)->summary().has_index, expect_index);
    while (true) {
      const auto packet = (*reader)->Next();
      EXPECT_TRUE(packet) << (packet ? "" : packet.error().message);
      if (!packet || *packet == nullptr) break;
      if (!(*packet)->has_blob() && !(*packet)->has_index()) packets.push_back(**packet);
    }
    return packets;
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.is_regular_file()) names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  // Whose recorders' folders there are; /tmp may hold other people's.
  std::vector<pid_t> Folders() const {
    std::vector<pid_t> pids;
    for (const PrivateFolder::Entry& entry : PrivateFolder::List()) {
      if (entry.path.parent_path() == folder_) pids.push_back(entry.pid);
    }
    return pids;
  }

  static std::vector<RawRecord> Frames(uint32_t count) {
    std::vector<RawRecord> records = {SessionRecordOf(), BeginRecordOf(CreateContext(1)),
                                      EndRecordOf()};
    for (uint32_t i = 0; i < count; ++i) {
      records.push_back(MemoryRecordOf(1, "pixels " + std::to_string(i % 3)));
      records.push_back(BeginRecordOf(Submit(1, "draw")));
      records.push_back(EndRecordOf());
      records.push_back(FrameRecordOf(1));
    }
    return records;
  }

  fs::path folder_;
  RecorderOptions options_;
  std::string notices_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Recorder> recorder_;
};

TEST_F(RecorderTest, RecordsAProcessFromItsSessionToItsEnd) {
  Start();
  const fs::path socket = recorder_->socket();
  const pid_t pid = Fork([&] {
    FakeShim shim(socket);
    if (shim.welcome().frame_checks != 10) return 1;
    shim.Put(Frames(2));
    shim.Close();
    return 0;
  });
  EXPECT_EQ(ServeChild(pid), 0);
  const auto packets = Read(options_.output);
  EXPECT_EQ(Outline(packets),
            "session command:0 memory command:1 frame:0 memory command:2 frame:1 end");
  EXPECT_EQ(packets[0].session().pid(), static_cast<uint32_t>(pid));
  const RecorderStatus status = recorder_->status();
  ASSERT_EQ(status.renderers.size(), 1u);
  EXPECT_EQ(status.renderers[0].counts.frames, 2u);
  EXPECT_EQ(status.renderers[0].file_bytes, fs::file_size(options_.output));
  EXPECT_EQ(notices_, "");
}

TEST_F(RecorderTest, FileAndFolderArePrivate) {
  Start();
  const fs::path socket = recorder_->socket();
  ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    return 0;
  }));
  struct stat status = {};
  ASSERT_EQ(stat(options_.output.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(recorder_->folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(RecorderTest, RemovesItsFolder) {
  Start();
  const fs::path folder = recorder_->folder();
  EXPECT_TRUE(fs::exists(folder));
  recorder_.reset();
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(RecorderTest, EachRendererGetsItsOwnFile) {
  Start();
  const fs::path socket = recorder_->socket();
  for (int i = 0; i < 3; ++i) {
    ServeChild(Fork([&] {
      FakeShim shim(socket);
      shim.Put(Frames(1));
      return 0;
    }));
  }
  EXPECT_EQ(Files(), (std::vector<std::string>{"t.1.vgpu", "t.2.vgpu", "t.vgpu"}));
}

TEST_F(RecorderTest, RendererThatMakesNothingLeavesNoFileAndTakesNoNumber) {
  Start();
  const fs::path socket = recorder_->socket();
  ServeChild(Fork([&] {
    FakeShim shim(socket);
    wire::GetCapset request;
    shim.Put({SessionRecordOf(), BeginRecordOf(RequestText(CommandType::GET_CAPSET, request)),
              EndRecordOf()});
    return 0;
  }));
  EXPECT_TRUE(Files().empty());
  EXPECT_EQ(recorder_->status().connected, 1u);
  EXPECT_EQ(recorder_->status().initialised, 1u);
  ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    return 0;
  }));
  EXPECT_EQ(Files(), std::vector<std::string>{"t.vgpu"});
}

TEST_F(RecorderTest, KilledInMidCommandLeavesTheCommandUnanswered) {
  Start();
  const fs::path socket = recorder_->socket();
  const int status = ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(3));
    shim.Put(BeginRecordOf(Submit(1, "fatal")));
    raise(SIGKILL);
    return 0;
  }));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  const auto packets = Read(options_.output);
  ASSERT_THAT(Outline(packets), HasSubstr("frame:2 command:4 end"));
  const proto::Command& last = packets[packets.size() - 2].command();
  EXPECT_TRUE(last.unanswered());
  EXPECT_EQ(last.request(), Submit(1, "fatal"));
}

TEST_F(RecorderTest, KilledInMidRecordKeepsEverythingBeforeIt) {
  Start();
  const fs::path socket = recorder_->socket();
  ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    const std::string half(1000, 'x');
    shim.writer().Begin(static_cast<uint16_t>(RecordType::kBegin), 5000);
    shim.writer().Put(std::as_bytes(std::span(half)));
    raise(SIGKILL);
    return 0;
  }));
  EXPECT_THAT(Outline(Read(options_.output)), HasSubstr("frame:0 end"));
}

TEST_F(RecorderTest, ExitStatusOfTheProgramStandsInItsTrace) {
  Start();
  const fs::path socket = recorder_->socket();
  const pid_t pid = Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    return 7;
  });
  recorder_->SetProgram(pid);
  int status = 0;
  ServeUntil([&] {
    if (waitpid(pid, &status, WNOHANG) == pid)
      recorder_->SetProgramEnd({true, WEXITSTATUS(status), 0});
    return !recorder_->HasLiveRenderers() && recorder_->status().renderers.size() == 1;
  });
  const auto packets = Read(options_.output);
  EXPECT_TRUE(packets.back().end().exited());
  EXPECT_EQ(packets.back().end().exit_status(), 7);
}

TEST_F(RecorderTest, FrameLimitEndsTheRecordingAndTheProgramRunsOn) {
  options_.limits.last_frame = 4;
  Start();
  const fs::path socket = recorder_->socket();
  const int status = ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(20000));  // many rings full: it must not wait for ever
    return shim.writer().stopped() ? 0 : 1;
  }));
  EXPECT_EQ(status, 0);
  const auto packets = Read(options_.output);
  EXPECT_EQ(
      std::count_if(packets.begin(), packets.end(), [](const auto& p) { return p.has_frame(); }),
      5);
  EXPECT_THAT(packets.back().end().reason(), HasSubstr("frame 4"));
  EXPECT_TRUE(packets[packets.size() - 2].has_frame()) << "nothing comes behind it";
  EXPECT_EQ(notices_, "");
}

TEST_F(RecorderTest, SizeLimitEndsTheRecordingBelowIt) {
  options_.limits.max_file_bytes = 200'000;
  options_.zstd_level = 0;
  Start();
  const fs::path socket = recorder_->socket();
  const int status = ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(20000));
    return 0;
  }));
  EXPECT_EQ(status, 0);
  EXPECT_LE(fs::file_size(options_.output), 200'000u);
  EXPECT_GT(fs::file_size(options_.output), 100'000u);
  EXPECT_THAT(Read(options_.output).back().end().reason(), HasSubstr("limit of 200000 bytes"));
  EXPECT_EQ(notices_, "");
}

TEST_F(RecorderTest, FullDiskIsToldAndTheProgramRunsOnAndTheTraceSoFarIsIntact) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  options_.zstd_level = 0;
  Start();
  rlimit small = before;
  small.rlim_cur = 3u << 20;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const fs::path socket = recorder_->socket();
  const int status = ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(40000));
    return shim.writer().stopped() ? 0 : 1;
  }));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(notices_,
              AllOf(HasSubstr("t.vgpu"), HasSubstr("offset"), HasSubstr("File too large")));
  EXPECT_THAT(recorder_->status().renderers.at(0).error, HasSubstr("File too large"));
  const auto packets = Read(options_.output, false);
  EXPECT_GT(packets.size(), 1000u);
}

TEST_F(RecorderTest, OutputThatCannotBeMadeIsToldOnce) {
  Start();
  const fs::path socket = recorder_->socket();
  std::ofstream(options_.output) << "made meanwhile";
  ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(100));
    return 0;
  }));
  EXPECT_THAT(notices_, HasSubstr("t.vgpu exists"));
  EXPECT_EQ(std::count(notices_.begin(), notices_.end(), '\n'), 1);
  EXPECT_EQ(fs::file_size(options_.output), 14u);
}

TEST_F(RecorderTest, DroppedRecordsAreSaidInTheTrace) {
  options_.on_full = OnFull::kDrop;
  options_.ring_bytes = 64u << 10;
  Start();
  const fs::path socket = recorder_->socket();
  const pid_t pid = Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(10));
    const std::string large(10000, 'x');
    for (int i = 0; i < 100; ++i) shim.Put({BeginRecordOf(Submit(1, large)), EndRecordOf()});
    return 0;
  });
  // Until the child has its ring, the recorder must answer; then it looks away.
  ServeUntil([&] { return recorder_->status().connected == 1; });
  const int status = WaitFor(pid);
  EXPECT_EQ(status, 0);
  ServeUntil([&] { return !recorder_->HasLiveRenderers(); });
  const auto packets = Read(options_.output);
  EXPECT_THAT(Outline(packets), HasSubstr("loss"));
  const DropCounts lost = recorder_->status().renderers.at(0).counts.lost;
  EXPECT_GT(lost[static_cast<size_t>(DropCause::kRingFull)].records, 0u);
  EXPECT_EQ(lost[static_cast<size_t>(DropCause::kOtherThread)].records, 0u);
}

TEST_F(RecorderTest, RingThatMakesNoSenseEndsThatRecordingAlone) {
  Start();
  const fs::path socket = recorder_->socket();
  ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    shim.Put(RawRecord{static_cast<RecordType>(99), "?"});
    return 0;
  }));
  EXPECT_THAT(notices_, HasSubstr("99"));
  EXPECT_THAT(Read(options_.output).back().end().reason(), HasSubstr("99"));
  ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    return 0;
  }));
  EXPECT_THAT(Outline(Read(folder_ / "t.1.vgpu")), HasSubstr("frame:0 end"));
}

TEST_F(RecorderTest, OtherVersionOfTheProtocolIsNotRecordedAndTold) {
  Start();
  const fs::path socket = recorder_->socket();
  ring::Hello hello;
  hello.version = 77;
  const int status = ServeChild(Fork([&] {
    FakeShim shim(socket, hello);  // hangs up on it: exits with 42
    return 0;
  }));
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_THAT(notices_, HasSubstr("(77; this one is 1)"));
  ASSERT_EQ(recorder_->status().renderers.size(), 1u) << "a recording that failed";
  EXPECT_THAT(recorder_->status().renderers[0].error, HasSubstr("another version"));
}

TEST_F(RecorderTest, ProgramThatClosedItsDescriptorsIsRecordedWhileItLives) {
  Start();
  const fs::path socket = recorder_->socket();
  ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    shim.CloseSocket();
    usleep(100'000);
    shim.Put({BeginRecordOf(Submit(1)), EndRecordOf()});
    usleep(100'000);
    return 0;
  }));
  const auto packets = Read(options_.output);
  EXPECT_THAT(Outline(packets), HasSubstr("frame:0 command:2 end"));
  EXPECT_THAT(packets.back().end().reason(), HasSubstr("ended"));
}

TEST_F(RecorderTest, RendererThatWasClosedIsNotWaitedForWhileItsProgramLives) {
  Start();
  const fs::path socket = recorder_->socket();
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t pid = Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    shim.Put(ResetRecordOf());
    shim.Close();
    char byte;
    return read(go[0], &byte, 1) == 1 ? 0 : 1;
  });
  ServeUntil([&] { return recorder_->status().connected == 1 && !recorder_->HasLiveRenderers(); });
  EXPECT_THAT(Read(options_.output).back().end().reason(), HasSubstr("closed its renderer"));
  ASSERT_EQ(write(go[1], "x", 1), 1);
  EXPECT_EQ(WaitFor(pid), 0);
}

TEST_F(RecorderTest, ProgramWithoutMemoryEndsItsRecordingWithAnError) {
  Start();
  const fs::path socket = recorder_->socket();
  ServeChild(Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    shim.writer().GiveUp(GaveUp::kNoMemory);
    return 0;
  }));
  EXPECT_THAT(notices_, HasSubstr("no memory left"));
  const auto packets = Read(options_.output);
  EXPECT_THAT(Outline(packets), HasSubstr("frame:0 end"));
  EXPECT_THAT(packets.back().end().reason(), HasSubstr("no memory left"));
}

TEST_F(RecorderTest, PieceOfARecordCountsAsMoved) {
  auto files = OutputFiles::Check(options_.output, false);
  ASSERT_TRUE(files);
  auto ring = std::move(RingReader::Create(64u << 10, OnFull::kWait).value());
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
  RingWriter* writer = RingWriter::Attach(ring->memfd(), sockets[1]);
  ASSERT_NE(writer, nullptr);
  RendererRecording recording(std::move(ring), {}, *files, {}, {});
  const std::string piece(1000, 'x');
  ASSERT_TRUE(writer->Begin(static_cast<uint16_t>(RecordType::kBegin), 5000));
  writer->Put(std::as_bytes(std::span(piece)));
  EXPECT_TRUE(recording.Drain(MonotonicNs()));
  EXPECT_FALSE(recording.Drain(MonotonicNs()));
  RingWriter::Detach(writer);
  for (const int socket : sockets) close(socket);
}

TEST_F(RecorderTest, ConnectionThatFindsNoDescriptorIsHungUpOn) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizers probe memory through a pipe, and there is no descriptor for it";
#endif
  auto listener = PeerListener::Open(folder_ / "socket");
  ASSERT_TRUE(listener);
  auto client = ConnectTo(folder_ / "socket");
  ASSERT_TRUE(client);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none_left = before;
  none_left.rlim_cur = static_cast<rlim_t>(UniqueFd(dup(0)).get());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);
  const auto refused = listener->Accept();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("Too many open files"));
  pollfd waiting = {listener->descriptor(), POLLIN, 0};
  EXPECT_EQ(poll(&waiting, 1, 0), 0) << "nothing waits, or the recorder would spin";
  EXPECT_EQ(ReceiveMessage(client->get(), 1), "") << "the client was hung up on";
}

TEST_F(RecorderTest, RuntimeFolderThatIsTooLongForASocketIsNotTaken) {
  // One byte too long for the longest name.
  const std::string name = "/vgpu-capture-" + std::to_string(geteuid()) + "-" +
                           std::to_string(getpid()) + "-XXXXXX/vtest.sock";
  std::string runtime = folder_.string() + "/";
  runtime.resize(sizeof(sockaddr_un::sun_path) - name.size(), 'x');
  fs::create_directory(runtime);
  setenv("XDG_RUNTIME_DIR", runtime.c_str(), 1);
  const auto folder = PrivateFolder::Create();
  ASSERT_TRUE(folder);
  EXPECT_EQ((*folder)->path().parent_path(), "/tmp");
}

TEST_F(RecorderTest, StopByControlCompletesFilesAndTurnsLaterRenderersAway) {
  Start();
  const fs::path socket = recorder_->socket();
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t pid = Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(2));
    char byte;
    if (read(go[0], &byte, 1) != 1) return 1;
    shim.Put(Frames(1000));
    FakeShim late(socket);
    return late.recorded() ? 2 : 0;
  });
  ServeUntil([&] {
    const RecorderStatus status = recorder_->status();
    return !status.renderers.empty() && status.renderers[0].counts.frames >= 1;
  });
  const fs::path control = PrivateFolder::ControlSocketIn(recorder_->folder());
  auto reply = std::async(std::launch::async, [&] { return AskRecorder(control, "stop"); });
  ServeUntil([&] { return reply.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  EXPECT_TRUE(reply.get());
  EXPECT_EQ(Read(options_.output).back().end().reason(), "stopped by vgpu-capture ctl");
  ASSERT_EQ(write(go[1], "x", 1), 1);
  EXPECT_EQ(ServeChild(pid), 0);
  EXPECT_EQ(Files(), std::vector<std::string>{"t.vgpu"});
}

TEST_F(RecorderTest, ControlAnswersByPidAndRefusesWhatItDoesNotKnow) {
  Start();
  options_.encode_status = [](const RecorderStatus&) { return std::string("fine"); };
  auto ask = [&](const std::string& request) {
    const fs::path control = PrivateFolder::ControlSocketIn(recorder_->folder());
    auto reply = std::async(std::launch::async, [=] { return AskRecorder(control, request); });
    ServeUntil(
        [&] { return reply.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
    return reply.get();
  };
  EXPECT_EQ(FindRecorder(std::to_string(getpid())).value(),
            PrivateFolder::ControlSocketIn(recorder_->folder()));
  const auto start = ask("start");
  ASSERT_FALSE(start);
  EXPECT_EQ(start.error().code, ErrorCode::kUsage);
  EXPECT_THAT(start.error().message, HasSubstr("state snapshots"));
  const auto mark = ask("mark here");
  ASSERT_FALSE(mark);
  EXPECT_THAT(mark.error().message, HasSubstr("nothing to mark"));
  const auto unknown = ask("dance");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("'dance'"));
}

TEST_F(RecorderTest, MarkStandsInTheTraceWhereItWasMade) {
  Start();
  const fs::path socket = recorder_->socket();
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t pid = Fork([&] {
    FakeShim shim(socket);
    shim.Put(Frames(1));
    char byte;
    if (read(go[0], &byte, 1) != 1) return 1;
    shim.Put({BeginRecordOf(Submit(1)), EndRecordOf()});
    return 0;
  });
  ServeUntil([&] {
    return !recorder_->status().renderers.empty() && !recorder_->status().renderers[0].file.empty();
  });
  const fs::path control = PrivateFolder::ControlSocketIn(recorder_->folder());
  auto reply = std::async(std::launch::async, [&] { return AskRecorder(control, "mark level 2"); });
  ServeUntil([&] { return reply.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  EXPECT_EQ(reply.get().value(), "marked 1 recording");
  ASSERT_EQ(write(go[1], "x", 1), 1);
  EXPECT_EQ(ServeChild(pid), 0);
  const auto packets = Read(options_.output);
  EXPECT_THAT(Outline(packets), HasSubstr("frame:0 marker command:2 end"));
}

TEST_F(RecorderTest, FolderOfAKilledRecorderIsRemovedByTheNext) {
  const pid_t pid = Fork([&] {
    auto loop = EventLoop::Create();
    auto recorder = Recorder::Create(**loop, options_);
    raise(SIGKILL);
    return recorder ? 0 : 1;
  });
  WaitFor(pid);
  ASSERT_EQ(Folders(), std::vector<pid_t>{pid});
  Start();
  EXPECT_EQ(Folders(), std::vector<pid_t>{getpid()});
}

TEST_F(RecorderTest, ExistingOutputIsRefusedWithoutForce) {
  std::ofstream(options_.output) << "mine";
  const auto refused = Recorder::Create(*loop_, options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  options_.overwrite = true;
  EXPECT_TRUE(Recorder::Create(*loop_, options_));
}

TEST_F(RecorderTest, LeftoverOfALaterRendererIsRefusedWithoutForce) {
  std::ofstream(folder_ / "t.3.vgpu") << "old";
  std::ofstream(folder_ / "t.x.vgpu") << "not one";
  const auto refused = Recorder::Create(*loop_, options_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("t.3.vgpu exists"));
}

}  // namespace
}  // namespace vgpu
