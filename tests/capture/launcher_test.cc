#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "capture/launcher/child_process.h"
#include "capture/launcher/mesa.h"
#include "capture/launcher/preload.h"
#include "capture/launcher/recorded_run.h"
#include "capture/launcher/signals.h"
#include "capture/launcher/vtest_probe.h"
#include "capture/launcher/vtest_server.h"

namespace vgpu {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class LauncherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (fs::temp_directory_path() / "vgpu-launcher-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { fs::remove_all(folder_); }

  static ProgramEnd RunToEnd(const ChildOptions& options) {
    auto child = ChildProcess::Start(options);
    EXPECT_TRUE(child) << (child ? "" : child.error().message);
    if (!child) return {};
    while (true) {
      if (const auto end = (*child)->TryReap()) return *end;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  static ChildOptions Shell(const std::string& command) {
    ChildOptions options;
    options.argv = {"sh", "-c", command};
    return options;
  }

  std::string OutputOf(ChildOptions options) {
    const fs::path path = folder_ / "output";
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    options.output = file.get();
    RunToEnd(options);
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  fs::path folder_;
};

TEST_F(LauncherTest, FindsProgramsAsAShellDoes) {
  EXPECT_TRUE(FindProgram("sh"));
  EXPECT_EQ(FindProgram("/bin/sh").value(), "/bin/sh");
  for (const char* missing : {"no-such-program", "/no/such/program", ""}) {
    const auto found = FindProgram(missing);
    ASSERT_FALSE(found) << missing;
    EXPECT_EQ(found.error().code, ErrorCode::kUsage);
    EXPECT_THAT(found.error().message, HasSubstr(missing));
  }
  EXPECT_THAT(FindProgram("/tmp").error().message, HasSubstr("not an executable"));
}

TEST_F(LauncherTest, ChildsExitStatusAndSignalAreKnown) {
  EXPECT_EQ(ShellStatusOf(RunToEnd(Shell("exit 3"))), 3);
  const ProgramEnd killed = RunToEnd(Shell("kill -9 $$"));
  EXPECT_FALSE(killed.exited);
  EXPECT_EQ(killed.signal, SIGKILL);
  EXPECT_EQ(ShellStatusOf(killed), 137);
}

TEST_F(LauncherTest, ChildSeesTheChangedEnvironment) {
  setenv("VGPU_TEST_GONE", "1", 1);
  ChildOptions options = Shell("echo $VGPU_TEST_NEW${VGPU_TEST_GONE-none}");
  options.environment = {{"VGPU_TEST_NEW", "new "}, {"VGPU_TEST_GONE", std::nullopt}};
  EXPECT_EQ(OutputOf(options), "new none\n");
}

TEST_F(LauncherTest, FileThatCannotBeExecutedIsAUsageError) {
  const fs::path program = folder_ / "program";
  std::ofstream(program) << "\x7f"
                            "ELF is what it is not";
  fs::permissions(program, fs::perms::owner_all);
  ChildOptions options;
  options.argv = {program.string()};
  const auto child = ChildProcess::Start(options);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, ErrorCode::kUsage);
  EXPECT_THAT(child.error().message, HasSubstr("Exec format error"));
}

TEST_F(LauncherTest, ChildStartsWithTheSignalsThatWereInherited) {
  auto signals = SignalReader::Create();
  ASSERT_TRUE(signals);
  EXPECT_THAT(OutputOf(Shell("grep -E 'SigBlk|SigIgn' /proc/self/status")),
              HasSubstr("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000"));
}

TEST_F(LauncherTest, PreloadComesBeforeWhatIsPreloadedAlready) {
  setenv("LD_PRELOAD", "", 1);
  EXPECT_EQ(PreloadEnvironment("/a/lib.so", "/s")[0].second, "/a/lib.so");
  setenv("LD_PRELOAD", "libother.so", 1);
  const auto environment = PreloadEnvironment("/a/lib.so", "/s");
  unsetenv("LD_PRELOAD");
  EXPECT_EQ(environment[0].first, "LD_PRELOAD");
  EXPECT_EQ(environment[0].second, "/a/lib.so:libother.so");
  EXPECT_EQ(environment[1].first, "VGPU_CAPTURE_SOCKET");
  EXPECT_EQ(environment[1].second, "/s");
}

TEST_F(LauncherTest, CaptureLibraryIsTheFirstThatExists) {
  unsetenv("VGPU_CAPTURE_LIBRARY");
  const fs::path library = folder_ / "libvgpu-capture.so";
  const auto none = FindCaptureLibrary({folder_ / "a.so", library});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr(library.string()));
  std::ofstream(library) << "x";
  EXPECT_EQ(FindCaptureLibrary({folder_ / "a.so", library}).value(), fs::canonical(library));
  setenv("VGPU_CAPTURE_LIBRARY", "/no/such.so", 1);
  const auto chosen = FindCaptureLibrary({library});
  unsetenv("VGPU_CAPTURE_LIBRARY");
  ASSERT_FALSE(chosen) << "a variable that is set is the only place";
  EXPECT_THAT(chosen.error().message, HasSubstr("/no/such.so"));
}

TEST_F(LauncherTest, CaptureLibraryThatTheLoaderWouldSplitIsRefused) {
  fs::create_directory(folder_ / "a b");
  std::ofstream(folder_ / "a b" / "lib.so") << "x";
  const auto found = FindCaptureLibrary({folder_ / "a b" / "lib.so"});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("spaces"));
}

TEST_F(LauncherTest, DriversNameForItsSocketIsFoundWhereverItLies) {
  const std::string name = "VTEST_SOCKET_NAME";
  for (const size_t before : {size_t{0}, (size_t{1} << 20) - 5, size_t{3} << 20}) {
    std::ofstream(folder_ / "driver.so") << std::string(before, 'x') << name;
    EXPECT_TRUE(DriverTakesSocketName(folder_ / "driver.so")) << before;
  }
  std::ofstream(folder_ / "driver.so") << std::string(1u << 20, 'x') << "VTEST_SOCKET_NAM";
  EXPECT_FALSE(DriverTakesSocketName(folder_ / "driver.so"));
  EXPECT_FALSE(DriverTakesSocketName(folder_ / "none.so"));
}

// Listens as a vtest server does.
class VtestProbeTest : public LauncherTest {
 protected:
  void SetUp() override {
    LauncherTest::SetUp();
    path_ = folder_ / "vtest.sock";
    const std::string path = std::string(getenv("PATH")) + ":" + folder_.string();
    std::ofstream(folder_ / "virgl_test_server") << "#!/bin/sh\nexit 1\n";
    fs::permissions(folder_ / "virgl_test_server", fs::perms::owner_all);
    setenv("PATH", path.c_str(), 1);
  }

  UniqueFd Listen(int waiting = 4) { return ListenAs(path_, waiting); }
  // At that name: `path_` from wherever this process stands.
  static UniqueFd ListenAs(const fs::path& name, int waiting) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, name.c_str());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd.get(), waiting), 0);
    return fd;
  }
  UniqueFd Connect() const {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fd.Reset();
    return fd;
  }

  fs::path path_;
};

TEST_F(VtestProbeTest, WaitsWhileNobodyListens) {
  VtestProbe probe(folder_ / "vtest.sock");
  EXPECT_EQ(probe.Step(), VtestProbe::State::kWaiting);
  EXPECT_FALSE(VtestProbe::Listens(folder_ / "vtest.sock"));
}

TEST_F(VtestProbeTest, IsReadyWhenTheRendererAnswers) {
  const UniqueFd listener = Listen();
  VtestProbe probe(path_);
  EXPECT_EQ(probe.Step(), VtestProbe::State::kWaiting);
  const UniqueFd client(accept(listener.get(), nullptr, nullptr));
  uint32_t request[2] = {};
  ASSERT_EQ(read(client.get(), request, sizeof(request)), static_cast<ssize_t>(sizeof(request)));
  EXPECT_EQ(request[0], sizeof("vgpu-capture")) << "the length of the name, in bytes";
  EXPECT_EQ(request[1], 8u) << "CREATE_RENDERER";
  const uint32_t answer[3] = {1, 7, 0};
  ASSERT_EQ(write(client.get(), answer, sizeof(answer)), static_cast<ssize_t>(sizeof(answer)));
  EXPECT_EQ(probe.Step(), VtestProbe::State::kReady);
}

TEST_F(VtestProbeTest, IsRefusedWhenTheServerHangsUp) {
  const UniqueFd listener = Listen();
  VtestProbe probe(path_);
  EXPECT_EQ(probe.Step(), VtestProbe::State::kWaiting);
  UniqueFd client(accept(listener.get(), nullptr, nullptr));
  client.Reset();
  EXPECT_EQ(probe.Step(), VtestProbe::State::kRefused);
}

TEST_F(VtestProbeTest, AnotherServersSocketIsLeftAloneAndNotConnectedTo) {
  const UniqueFd listener = Listen();
  const auto server = VtestServer::Start({path_, folder_ / "log", {}});
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kFailed);
  EXPECT_THAT(server.error().message,
              HasSubstr("another vtest server listens at " + path_.string()));
  EXPECT_TRUE(fs::exists(path_));
  pollfd connections = {listener.get(), POLLIN, 0};
  EXPECT_EQ(poll(&connections, 1, 0), 0) << "a server for one client would have taken it";
}

TEST_F(VtestProbeTest, SocketOfABusyServerThatTheKernelListsByAnotherNameIsLeftAlone) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  const UniqueFd listener = ListenAs("vtest.sock", 0);
  fs::current_path(before);
  std::vector<UniqueFd> waiting;
  while (UniqueFd client = Connect()) waiting.push_back(std::move(client));
  EXPECT_TRUE(VtestProbe::Listens(path_));
}

TEST_F(VtestProbeTest, SocketThatNobodyListensAtIsRemoved) {
  Listen().Reset();
  ASSERT_TRUE(fs::exists(path_));
  EXPECT_FALSE(VtestProbe::Listens(path_));
  EXPECT_TRUE(VtestServer::Start({path_, folder_ / "log", {}}));
  EXPECT_FALSE(fs::exists(path_));
}

class RecordedRunTest : public LauncherTest {
 protected:
  void SetUp() override {
    LauncherTest::SetUp();
    setenv("XDG_RUNTIME_DIR", folder_.c_str(), 1);
    signals_ = std::move(SignalReader::Create().value());
    loop_ = std::move(EventLoop::Create().value());
    RecorderOptions options;
    options.output = folder_ / "t.vgpu";
    recorder_ = std::move(Recorder::Create(*loop_, options).value());
  }

  ProgramEnd Run(const std::string& command) {
    auto child = ChildProcess::Start(Shell(command));
    EXPECT_TRUE(child);
    return RunRecorded(*loop_, *recorder_, **child, *signals_, {});
  }

  std::unique_ptr<SignalReader> signals_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Recorder> recorder_;
};

TEST_F(RecordedRunTest, EndsWithTheProgram) {
  EXPECT_EQ(ShellStatusOf(Run("exit 5")), 5);
  EXPECT_EQ(recorder_->status().connected, 0u);
}

// Runs `body` in a process in which pidfd_open is a system call that does not exist.
int WithoutPidfd(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program = {static_cast<unsigned short>(std::size(filter)), filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(77);
    _exit(body());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(RecordedRunTest, ProgramIsWaitedForWithoutPidfdsToo) {
  const int status = WithoutPidfd([&] { return ShellStatusOf(Run("sleep 0.05; exit 5")); });
  if (status == 77) GTEST_SKIP() << "no filter of system calls can be set here";
  EXPECT_EQ(status, 5);
}

TEST_F(RecordedRunTest, SignalIsPassedOnToTheProgram) {
  const ProgramEnd end = Run("kill -TERM $PPID; exec sleep 30");
  EXPECT_FALSE(end.exited);
  EXPECT_EQ(end.signal, SIGTERM);
}

}  // namespace
}  // namespace vgpu
