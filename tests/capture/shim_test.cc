#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "capture/ring/handshake.h"
#include "format/protocol/content_hash.h"
#include "format/protocol/virtio_gpu.h"
#include "tests/capture/shim_recorder_end.h"
#include "tests/support/fake_virglrenderer.h"

namespace vgpu {
namespace {

using ring::RecordType;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::Not;
using testing::SizeIs;
using Lines = std::vector<std::string>;

// What stands at the start of each recording of the fake library.
const Lines kStart = {"session", "gl", "capset 1", "capset 2"};

struct Outcome {
  int status = 0;
  Lines errors;  // lines on stderr
  std::vector<std::vector<ShimRecord>> renderers;
  DropCounts dropped;
  GaveUp gave_up = GaveUp::kNo;

  uint64_t Dropped(DropCause cause) const {
    return dropped.at(static_cast<std::size_t>(cause)).records;
  }
  bool exited_well() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
  // Without the records that open every session.
  Lines Described(std::size_t renderer = 0) const {
    Lines lines = Describe(renderers.at(renderer));
    EXPECT_TRUE(lines.size() >= kStart.size() &&
                std::equal(kStart.begin(), kStart.end(), lines.begin()));
    lines.erase(lines.begin(), lines.begin() + static_cast<long>(kStart.size()));
    return lines;
  }
};

[[noreturn]] void Exec(const char* scenario, const char* library_folder, const char* socket,
                       int errors) {
  dup2(errors, 2);
  setenv("LD_PRELOAD", SHIM_LIBRARY, 1);
  setenv("LD_LIBRARY_PATH", library_folder, 1);
  setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0:handle_segv=0", 1);
  if (socket != nullptr) setenv(ring::kSocketEnv, socket, 1);
  execl(SHIM_PROGRAM, SHIM_PROGRAM, SHIM_MODULE, scenario, nullptr);
  _exit(94);
}

Lines ReadLines(int fd) {
  Lines lines(1);
  char byte;
  while (read(fd, &byte, 1) == 1) {
    if (byte == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += byte;
    }
  }
  lines.pop_back();
  return lines;
}

Outcome RunScenario(const char* scenario, RecorderEndOptions options = {},
                    const char* library_folder = FAKE_FOLDER, const char* socket = "") {
  RecorderEnd recorder(options);
  if (socket != nullptr && *socket == '\0') socket = recorder.path().c_str();
  int errors[2];
  EXPECT_EQ(pipe2(errors, O_CLOEXEC), 0);
  const pid_t pid = fork();
  if (pid == 0) Exec(scenario, library_folder, socket, errors[1]);
  close(errors[1]);
  Outcome run;
  run.status = recorder.ServeUntilEnd(pid);
  run.errors = ReadLines(errors[0]);
  close(errors[0]);
  run.renderers = std::move(recorder.renderers);
  run.dropped = recorder.dropped;
  run.gave_up = recorder.gave_up;
  return run;
}

// A whole command that succeeds.
void Command(Lines& lines, const std::string& name) {
  lines.push_back("begin " + name);
  lines.push_back("end OK_NODATA");
}

// Resource 7 is created and gets its backing.
void ResourceWithBacking(Lines& lines) {
  Command(lines, "RESOURCE_CREATE_3D");
  lines.insert(lines.end(), {"heap 0", "begin RESOURCE_ATTACH_BACKING", "places 7 attach 1",
                             "end OK_NODATA"});
}

TEST(ShimTest, ACallThatTheLibraryMakesItselfIsNotRecorded) {
  const Outcome run = RunScenario("nested");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.errors, ElementsAre());
  ASSERT_THAT(run.renderers, SizeIs(1));
  EXPECT_THAT(run.Described(), ElementsAre("begin CTX_CREATE", "end OK_NODATA", "begin CTX_DESTROY",
                                           "end OK_NODATA", "reset"));
  EXPECT_EQ(run.Dropped(DropCause::kOtherThread), 0u);
}

TEST(ShimTest, AClientsCallsBecomeCommandsWithTheirMemoryFencesAndFrames) {
  const Outcome run = RunScenario("client");
  EXPECT_TRUE(run.exited_well()) << run.status;
  ASSERT_THAT(run.renderers, SizeIs(1));
  Lines expected;
  Command(expected, "CTX_CREATE");
  Command(expected, "RESOURCE_CREATE_3D");
  Command(expected, "CTX_ATTACH_RESOURCE");
  expected.insert(expected.end(), {"heap 0", "begin RESOURCE_ATTACH_BACKING", "places 7 attach 1",
                                   "end OK_NODATA"});
  Command(expected, "SUBMIT_3D");
  expected.push_back("memory 7 256");
  Command(expected, "TRANSFER_TO_HOST_3D");
  expected.insert(expected.end(), {"fence 9", "signalled 9"});
  Command(expected, "TRANSFER_FROM_HOST_3D");
  expected.insert(expected.end(), {"readback 7 512", "frame 7 16x8 checked"});
  expected.insert(expected.end(),
                  {"begin RESOURCE_UNREF", "places 7 detach 0", "end OK_NODATA", "reset"});
  EXPECT_THAT(run.Described(), ElementsAreArray(expected));
}

TEST(ShimTest, RequestsCarryTheArgumentsAndMemoryItsBytes) {
  const Outcome run = RunScenario("client");
  ASSERT_THAT(run.renderers, SizeIs(1));
  for (const ShimRecord& record : run.renderers[0]) {
    if (Describe(record) == "begin TRANSFER_TO_HOST_3D") {
      const auto request = ReadStruct<wire::TransferHost3d>(record.After<ring::BeginRecord>());
      ASSERT_TRUE(request);
      EXPECT_EQ(request->hdr.ctx_id, 1u);
      EXPECT_EQ(request->hdr.flags, 0u);
      EXPECT_EQ(request->box.y, 2u);
      EXPECT_EQ(request->box.h, 4u);
      EXPECT_EQ(request->offset, 128u);
      EXPECT_EQ(request->resource_id, 7u);
    }
    if (record.type == RecordType::kMemory) {
      EXPECT_EQ(record.As<ring::MemoryRecord>().box.offset, 128u);
      for (std::byte byte : record.After<ring::MemoryRecord>()) ASSERT_EQ(byte, std::byte{3});
    }
    if (record.type == RecordType::kReadback) {
      const std::vector<std::byte> pixels(512, std::byte{FAKE_PIXEL});
      const Digest digest = HashOf(pixels);
      const auto readback = record.As<ring::ReadbackRecord>();
      EXPECT_TRUE(std::equal(digest.begin(), digest.end(), readback.digest));
    }
    if (Describe(record) == "begin CTX_CREATE") {
      const auto request = ReadStruct<wire::CtxCreate>(record.After<ring::BeginRecord>());
      ASSERT_TRUE(request);
      EXPECT_EQ(request->nlen, 4u);
      EXPECT_EQ(std::memcmp(request->debug_name, "test", 5), 0);
    }
    if (record.type == RecordType::kSession) {
      const auto session = record.As<ring::SessionRecord>();
      EXPECT_EQ(session.renderer_flags, 5u);
      EXPECT_EQ(session.callbacks_version, 3u);
      EXPECT_EQ(session.has_features, 0u);
      EXPECT_EQ(session.scanouts, 0u);
    }
  }
}

TEST(ShimTest, ATransferWithItsOwnMemoryIsTransientAndARefusedOneHasNone) {
  const Outcome run = RunScenario("own-memory");
  EXPECT_TRUE(run.exited_well()) << run.status;
  Lines expected;
  Command(expected, "RESOURCE_CREATE_3D");
  expected.push_back("memory 7 64 transient");
  Command(expected, "TRANSFER_TO_HOST_3D");
  expected.push_back("memory 7 0 transient");
  Command(expected, "TRANSFER_FROM_HOST_3D");
  expected.insert(expected.end(), {"readback 7 64 transient", "frame 7 4x4 checked"});
  Command(expected, "TRANSFER_TO_HOST_3D");
  expected.push_back("reset");
  EXPECT_THAT(run.Described(), ElementsAreArray(expected));
}

TEST(ShimTest, AnErrorOfTheLibraryIsTheResponse) {
  const Outcome run = RunScenario("failures");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(),
              ElementsAre("begin RESOURCE_CREATE_3D", "end ERR_UNSPEC", "begin CTX_CREATE",
                          "end ERR_UNSPEC", "begin SUBMIT_3D", "end ERR_UNSPEC",
                          "begin TRANSFER_FROM_HOST_3D", "end ERR_UNSPEC", "reset"));
}

TEST(ShimTest, ARefusedSubmitHasNoReadbacks) {
  const Outcome run = RunScenario("refused-readback");
  EXPECT_TRUE(run.exited_well()) << run.status;
  Lines expected;
  ResourceWithBacking(expected);
  Command(expected, "SUBMIT_3D");
  expected.insert(expected.end(), {"readback 7 512", "begin SUBMIT_3D", "end ERR_UNSPEC", "reset"});
  EXPECT_THAT(run.Described(), ElementsAreArray(expected));
}

TEST(ShimTest, ARefusedFenceIsTakenBack) {
  const Outcome run = RunScenario("refused-fence");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(),
              ElementsAre("begin SUBMIT_3D", "end OK_NODATA", "fence 9", "fence 9 refused",
                          "fence 10", "fence 10 refused", "reset"));
}

TEST(ShimTest, AFrameThatIsTooLargeIsRecordedUnchecked) {
  RecorderEndOptions options;
  options.frame_checks = ring::kAllFrames;
  const Outcome run = RunScenario("huge-frame", options);
  EXPECT_TRUE(run.exited_well()) << run.status;
  const Lines lines = run.Described();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "frame 3 60000x60000"), 1);
}

TEST(ShimTest, WithoutMemoryTheRecordingEndsAndTheProgramRunsOn) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer ends a process whose allocation fails";
#endif
  const Outcome run = RunScenario("no-memory");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(), ElementsAre("begin SUBMIT_3D", "end OK_NODATA",
                                           "begin RESOURCE_MAP_BLOB", "end OK_MAP_INFO"));
  EXPECT_EQ(run.gave_up, GaveUp::kNoMemory);
}

Lines VmmLines(bool checked) {
  const std::string frame = checked ? "frame 3 32x32 checked" : "frame 3 32x32";
  Lines lines;
  const auto flush = [&] {
    Command(lines, "RESOURCE_FLUSH inferred");
    lines[lines.size() - 2] = "begin RESOURCE_FLUSH inferred";
    lines.push_back(frame);
  };
  Command(lines, "RESOURCE_CREATE_3D");
  Command(lines, "SET_SCANOUT");
  flush();
  lines.insert(lines.end(), {"fence 1", "signalled 1"});
  Command(lines, "SUBMIT_3D");
  flush();
  Command(lines, "UPDATE_CURSOR cursor");
  flush();
  Command(lines, "RESOURCE_UNREF");
  lines.insert(lines.end(), {"reset", "reset"});
  return lines;
}

TEST(ShimTest, AVmmsEmptyControlCommandsAreFlushesOnceSomethingIsShown) {
  const Outcome run = RunScenario("vmm");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(), ElementsAreArray(VmmLines(false)));
}

TEST(ShimTest, FrameChecksReadTheScanoutBack) {
  RecorderEndOptions options;
  options.frame_checks = ring::kAllFrames;
  const Outcome run = RunScenario("vmm", options);
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(), ElementsAreArray(VmmLines(true)));
  const Digest digest = HashOf(std::vector<std::byte>(32 * 32 * 4, std::byte{FAKE_PIXEL}));
  for (const ShimRecord& record : run.renderers[0]) {
    if (record.type != RecordType::kFrame) continue;
    EXPECT_TRUE(std::equal(digest.begin(), digest.end(), record.As<ring::FrameRecord>().digest));
  }
}

TEST(ShimTest, FrameChecksAreMadeAtMostSoManyTimesASecond) {
  RecorderEndOptions options;
  options.frame_checks = 1;
  const Outcome run = RunScenario("vmm", options);
  const Lines lines = run.Described();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "frame 3 32x32 checked"), 1);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "frame 3 32x32"), 2);
}

TEST(ShimTest, AForkedChildPassesCallsThrough) {
  const Outcome run = RunScenario("fork");
  EXPECT_TRUE(run.exited_well()) << run.status;
  ASSERT_THAT(run.renderers, SizeIs(1));
  EXPECT_THAT(run.Described(), ElementsAre("begin SUBMIT_3D", "end OK_NODATA", "begin SUBMIT_3D",
                                           "end OK_NODATA", "reset"));
}

TEST(ShimTest, AForkingServerGivesOneRecordingAClient) {
  const Outcome run = RunScenario("forked-server");
  EXPECT_TRUE(run.exited_well()) << run.status;
  ASSERT_THAT(run.renderers, SizeIs(2));
  EXPECT_EQ(run.Described(0), run.Described(1));
}

TEST(ShimTest, FencesThatSignalOnAnotherThreadAreRecordedAndPassedOn) {
  const Outcome run = RunScenario("signal-thread");
  EXPECT_TRUE(run.exited_well()) << run.status;
  const Lines lines = run.Described();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "begin SUBMIT_3D"), 1000);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "signalled 105"), 50);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "signalled 1099511627776"), 1);
}

TEST(ShimTest, CommandsOfTwoThreadsNeverMix) {
  const Outcome run = RunScenario("two-threads");
  EXPECT_TRUE(run.exited_well()) << run.status;
  const Lines lines = run.Described();
  for (std::size_t i = 0; i + 1 < lines.size(); i += 2) {
    ASSERT_EQ(lines[i], "begin SUBMIT_3D");
    ASSERT_EQ(lines[i + 1], "end OK_NODATA");
  }
  const auto recorded =
      static_cast<uint64_t>(std::count(lines.begin(), lines.end(), "begin SUBMIT_3D"));
  EXPECT_GE(recorded, 2u);  // of those that meet, one is recorded
  EXPECT_EQ(recorded + run.Dropped(DropCause::kOtherThread), 1000u);
  EXPECT_EQ(run.Dropped(DropCause::kRingFull), 0u);
}

TEST(ShimTest, ACallDuringAnotherThreadsCallIsLeftOutWithItsMemoryAndCounted) {
  const Outcome run = RunScenario("overlapping-threads");
  EXPECT_TRUE(run.exited_well()) << run.status;
  Lines expected;
  ResourceWithBacking(expected);
  Command(expected, "SUBMIT_3D");
  Command(expected, "SUBMIT_3D");
  expected.push_back("reset");
  EXPECT_THAT(run.Described(), ElementsAreArray(expected));
  EXPECT_EQ(run.Dropped(DropCause::kOtherThread), 3u);
  for (const ShimRecord& record : run.renderers.at(0)) {
    if (record.type != RecordType::kEnd) continue;
    const auto header = ReadStruct<wire::CtrlHeader>(record.After<ring::EndRecord>());
    ASSERT_TRUE(header);
    EXPECT_NE(header->ctx_id, 5u) << "the answer to another thread's context";
  }
}

TEST(ShimTest, ErrnoIsTheLibrarys) {
  EXPECT_TRUE(RunScenario("errno").exited_well());
  EXPECT_TRUE(RunScenario("errno", {}, FAKE_FOLDER, nullptr).exited_well());
  RecorderEndOptions options;
  options.capacity = 4096;
  EXPECT_TRUE(RunScenario("small-submits", options).exited_well());
}

TEST(ShimTest, AProgramThatNeverInitialisesIsNotRecorded) {
  const Outcome run = RunScenario("never-initialises");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.renderers, SizeIs(0));
}

TEST(ShimTest, WhatAProgramCallsFromACallbackIsRecorded) {
  const Outcome run = RunScenario("callback-calls");
  EXPECT_TRUE(run.exited_well()) << run.status;
  ASSERT_THAT(run.renderers, SizeIs(2));
  EXPECT_THAT(run.Described(1),
              ElementsAre("fence 3", "signalled 3", "begin CTX_CREATE", "end OK_NODATA", "reset"));
}

TEST(ShimTest, EachInitialisationIsARecordingOfItsOwn) {
  const Outcome run = RunScenario("init-twice");
  EXPECT_TRUE(run.exited_well()) << run.status;
  ASSERT_THAT(run.renderers, SizeIs(2));
  EXPECT_THAT(run.Described(0), ElementsAre("begin SUBMIT_3D", "end OK_NODATA", "reset"));
  EXPECT_THAT(run.Described(1), ElementsAre("begin CTX_CREATE", "end OK_NODATA", "reset"));
}

TEST(ShimTest, AFailedInitialisationIsNotRecorded) {
  const Outcome run = RunScenario("init-fails");
  EXPECT_TRUE(run.exited_well()) << run.status;
  ASSERT_THAT(run.renderers, SizeIs(2));
  EXPECT_THAT(run.renderers[0], SizeIs(0));
  EXPECT_THAT(run.Described(1), ElementsAre("reset"));
}

TEST(ShimTest, CallbacksOfAnUnknownVersionAreLeftAlone) {
  const Outcome run = RunScenario("newer-callbacks");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(), ElementsAre("fence 4", "reset"));
  EXPECT_THAT(run.errors,
              ElementsAre("vgpu-capture: the program's callbacks have version 9, this library "
                          "knows 1 to 4; when its fences signal is not recorded."));
}

TEST(ShimTest, WithoutARecorderTheProgramRunsAndNothingIsSaid) {
  const Outcome run = RunScenario("client", {}, FAKE_FOLDER, nullptr);
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.errors, ElementsAre());
}

TEST(ShimTest, ARecorderThatIsNotThereIsOneLineAndTheProgramRuns) {
  const Outcome run = RunScenario("client", {}, FAKE_FOLDER, "/nonexistent/socket");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.errors,
              ElementsAre("vgpu-capture: the recorder at /nonexistent/socket cannot be reached: "
                          "No such file or directory; not recording."));
}

TEST(ShimTest, ARecorderThatHangsUpAtOnceOrIsOfAnotherVersionIsOneLine) {
  RecorderEndOptions options;
  options.keep_quiet = true;
  Outcome run = RunScenario("client", options);
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.errors, SizeIs(1));
  options = {};
  options.version = 77;
  run = RunScenario("client", options);
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.errors, SizeIs(1));
  EXPECT_THAT(run.renderers.at(0), SizeIs(0));
}

TEST(ShimTest, ARendererThatTheRecorderDoesNotWantPassesThrough) {
  RecorderEndOptions options;
  options.record = 0;
  const Outcome run = RunScenario("client", options);
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.errors, ElementsAre());
}

TEST(ShimTest, TheProgramRunsOnWhenTheRecorderDies) {
  RecorderEndOptions options;
  options.capacity = 64 << 10;
  options.die_after = 10;
  const Outcome run = RunScenario("many-submits", options);
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.renderers.at(0), SizeIs(10));
}

TEST(ShimTest, WaitingForARecorderThatIsSlowLosesNothing) {
  RecorderEndOptions options;
  options.capacity = 4096;
  const Outcome run = RunScenario("many-submits", options);
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(), SizeIs(601));
}

TEST(ShimTest, DroppingLeavesOutWholeCommandsAndCountsThem) {
  RecorderEndOptions options;
  options.capacity = 100 << 10;
  options.on_full = OnFull::kDrop;
  options.full_pause = true;
  const Outcome run = RunScenario("many-submits", options);
  EXPECT_TRUE(run.exited_well()) << run.status;
  const Lines lines = run.Described();
  const auto begun = std::count(lines.begin(), lines.end(), "begin SUBMIT_3D");
  EXPECT_GT(begun, 1);
  EXPECT_EQ(begun, std::count(lines.begin(), lines.end(), "end OK_NODATA"));
  EXPECT_EQ(static_cast<uint64_t>(begun) + run.Dropped(DropCause::kRingFull), 300u);
}

TEST(ShimTest, TheFatalCommandIsThereWhenTheLibraryCrashes) {
  const Outcome run = RunScenario("crash");
  EXPECT_EQ(WTERMSIG(run.status), SIGSEGV);
  EXPECT_THAT(run.Described(), ElementsAre("begin SUBMIT_3D", "end OK_NODATA", "begin SUBMIT_3D"));
}

TEST(ShimTest, AProgramMayCloseAllDescriptorsAndIsStillRecorded) {
  const Outcome run = RunScenario("closes-descriptors");
  EXPECT_TRUE(run.exited_well()) << run.status;
  const Lines lines = run.Described();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "begin SUBMIT_3D"), 300);
  EXPECT_EQ(lines.back(), "reset");
}

TEST(ShimTest, WithoutItsDescriptorsAProgramDoesNotWaitForEverWhenTheRingIsFull) {
  RecorderEndOptions options;
  options.capacity = 8192;
  options.full_pause = true;
  const Outcome run = RunScenario("closes-descriptors", options);
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_EQ(run.gave_up, GaveUp::kSocketClosed);
}

TEST(ShimTest, BlobsAreRecordedWithTheirPlacesAndMapInfo) {
  const Outcome run = RunScenario("blobs");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(),
              ElementsAre("heap 0", "begin RESOURCE_CREATE_BLOB", "places 5 attach 1",
                          "end OK_NODATA", "begin RESOURCE_MAP_BLOB", "end OK_MAP_INFO",
                          "begin RESOURCE_UNMAP_BLOB", "end OK_NODATA", "fence 8589934592",
                          "begin RESOURCE_UNREF", "places 5 detach 0", "end OK_NODATA", "reset"));
}

TEST(ShimTest, AMappedBlobIsSampledByItsPagesThatChanged) {
  const Outcome run = RunScenario("mapped-blob");
  EXPECT_TRUE(run.exited_well()) << run.status;
  Lines expected;
  Command(expected, "RESOURCE_CREATE_BLOB");
  expected.insert(expected.end(), {"begin RESOURCE_MAP_BLOB", "end OK_MAP_INFO"});
  Command(expected, "SUBMIT_3D");
  expected.insert(expected.end(), {"memory 5 8192 sampled", "memory 5 12 sampled"});
  Command(expected, "SUBMIT_3D");
  Command(expected, "SUBMIT_3D");
  expected.push_back("memory 5 4096 sampled");
  Command(expected, "RESOURCE_UNMAP_BLOB");
  Command(expected, "SUBMIT_3D");
  expected.push_back("reset");
  EXPECT_THAT(run.Described(), ElementsAreArray(expected));
}

TEST(ShimTest, FunctionsThatAnOlderLibraryLacksAnswerThatTheyAreMissing) {
  const Outcome run = RunScenario("missing-functions", {}, OLD_FAKE_FOLDER);
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(), ElementsAre("begin RESOURCE_MAP_BLOB", "end ERR_UNSPEC", "fence 1",
                                           "fence 1 refused", "reset"));
}

TEST(ShimTest, CapsetsAreAnsweredWithTheLibrarysData) {
  const Outcome run = RunScenario("caps");
  EXPECT_TRUE(run.exited_well()) << run.status;
  EXPECT_THAT(run.Described(), ElementsAre("begin GET_CAPSET_INFO", "end OK_CAPSET_INFO",
                                           "begin GET_CAPSET", "end OK_CAPSET", "reset"));
  for (const ShimRecord& record : run.renderers[0]) {
    if (Describe(record) != "end OK_CAPSET") continue;
    EXPECT_THAT(record.After<ring::EndRecord>(), SizeIs(sizeof(wire::CtrlHeader) + 32));
  }
}

}  // namespace
}  // namespace vgpu
