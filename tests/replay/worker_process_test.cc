// The worker process and what it gives up, without any replay.
#include "replay/worker/worker_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <thread>

#include "replay/worker/sandbox.h"
#include "tests/replay/player_trace.h"

namespace vgpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kLong = std::chrono::seconds(100);

class Listener : public WorkerListener {
 public:
  std::vector<std::string> lines;
  std::function<void(std::string_view)> on_line;
  void OnLine(std::string_view line) override {
    lines.emplace_back(line);
    if (on_line) on_line(line);
  }
  void OnIdle(const Progress&) override {}
};

class WorkerProcessTest : public ::testing::Test {
 protected:
  WorkerEnd Run(const std::function<void(const WorkerChannel&)>& body,
                std::chrono::milliseconds timeout = kLong) {
    return Run(body, WorkerOptions{.timeout = timeout});
  }
  WorkerEnd Run(const std::function<void(const WorkerChannel&)>& body,
                const WorkerOptions& options) {
    auto end = RunWorker(options, page, body, listener);
    EXPECT_TRUE(end) << (end ? "" : end.error().message);
    return end.value_or(WorkerEnd{});
  }
  ProgressPage page = std::move(*ProgressPage::Create());
  Listener listener;
};

TEST_F(WorkerProcessTest, LinesArriveWholeAndInOrder) {
  const std::string large(200'000, 'x');
  const auto end = Run([&](const WorkerChannel& channel) {
    channel.Send("one");
    channel.Send(large);
    channel.Send("");
  });
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kFinished);
  EXPECT_THAT(listener.lines, ElementsAre("one", large, ""));
}

TEST_F(WorkerProcessTest, ACrashNamesTheSignalAndThePlace) {
  const auto end = Run([&](const WorkerChannel& channel) {
    channel.Send("before");
    page.SetPhase(WorkerPhase::kReplaying);
    page.SetPlace({.number = 1234, .type = 0x207, .context = 1, .frame = 56});
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  });
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kSignal);
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_THAT(listener.lines, ElementsAre("before"));
  EXPECT_EQ(DescribeWhere(end.progress), "command 1234 (SUBMIT_3D, context 1, frame 56)");
}

TEST_F(WorkerProcessTest, AHangEndsAfterTheTimeout) {
  const auto begin = std::chrono::steady_clock::now();
  const auto end = Run([](const WorkerChannel&) { std::this_thread::sleep_for(kLong); },
                       std::chrono::milliseconds(300));
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kTimeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(WorkerProcessTest, AWorkerThatBeatsForEverEndsAfterTheTotalTime) {
  const auto begin = std::chrono::steady_clock::now();
  const auto end = Run(
      [&](const WorkerChannel&) {
        while (true) page.Beat();
      },
      WorkerOptions{.timeout = kLong, .total_timeout = std::chrono::milliseconds(300)});
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kTooLong);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(WorkerProcessTest, AWorkerThatBeatsIsNotHung) {
  const auto end = Run(
      [&](const WorkerChannel&) {
        for (int i = 0; i < 40; ++i) {
          page.Beat();
          std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
      },
      std::chrono::milliseconds(1000));
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kFinished);
}

TEST_F(WorkerProcessTest, ALibraryThatExitsIsToldFromAnEnd) {
  const auto end = Run([](const WorkerChannel&) {
    std::fprintf(stderr, "GL is lost\n");
    std::fflush(stderr);
    _exit(7);
  });
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kExited);
  EXPECT_EQ(end.status, 7);
  EXPECT_EQ(end.last_output, "GL is lost\n");
}

TEST_F(WorkerProcessTest, OnlyTheEndOfMuchOutputIsKept) {
  const auto end = Run([](const WorkerChannel&) {
    for (int i = 0; i < 100'000; ++i) std::printf("line %d\n", i);
  });
  EXPECT_LE(end.last_output.size(), 8192u);
  EXPECT_TRUE(end.last_output.ends_with("line 99999\n"));
}

TEST_F(WorkerProcessTest, AnInterruptEndsBoth) {
  listener.on_line = [](std::string_view) { raise(SIGINT); };
  const auto end = Run([](const WorkerChannel& channel) {
    channel.Send("ready");
    std::this_thread::sleep_for(kLong);
  });
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kInterrupted);
  EXPECT_EQ(end.signal, SIGINT);
}

TEST_F(WorkerProcessTest, AChildThatTheWorkerLeavesBehindKeepsNobodyWaiting) {
  const auto begin = std::chrono::steady_clock::now();
  const auto end = Run([](const WorkerChannel& channel) {
    if (const pid_t child = fork(); child != 0) return channel.Send(std::to_string(child));
    std::this_thread::sleep_for(kLong);  // with the pipes open
  });
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kFinished);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  ASSERT_EQ(listener.lines.size(), 1u);
  kill(std::stoi(listener.lines[0]), SIGKILL);
}

TEST_F(WorkerProcessTest, TheUsersInputIsNotTheWorkers) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  ASSERT_EQ(write(fds[1], "secret", 6), 6);
  const int old = dup(STDIN_FILENO);
  dup2(fds[0], STDIN_FILENO);
  Run([](const WorkerChannel& channel) {
    char byte = 0;
    channel.Send(std::to_string(read(STDIN_FILENO, &byte, 1)));
  });
  dup2(old, STDIN_FILENO);
  for (const int fd : {old, fds[0], fds[1]}) close(fd);
  EXPECT_THAT(listener.lines, ElementsAre("0"));
}

class SandboxTest : public WorkerProcessTest {
 protected:
  // Runs `probe` inside the sandbox; it returns 0 or an errno.
  std::string Probe(const SandboxOptions& options, const std::function<int()>& probe) {
    listener.lines.clear();
    Run([&](const WorkerChannel& channel) {
      const auto report = EnterSandbox(options);
      if (!report) return channel.Send(report.error().message);
      confined = report->writes_confined;
      const int error = probe();
      channel.Send(error == 0 ? "allowed" : std::strerror(error));
      channel.Send(report->writes_confined ? "confined" : "not confined");
    });
    if (listener.lines.size() != 2) return listener.lines.empty() ? "died" : listener.lines[0];
    confined = listener.lines[1] == "confined";
    return listener.lines[0];
  }
  static int Socket(int domain) { return socket(domain, SOCK_STREAM, 0) >= 0 ? 0 : errno; }
  static int Write(const std::filesystem::path& path) {
    return open(path.c_str(), O_WRONLY | O_CREAT, 0600) >= 0 ? 0 : errno;
  }
  bool confined = false;
};

TEST_F(SandboxTest, HasNoNetwork) {
  EXPECT_EQ(Probe({}, [] { return Socket(AF_INET); }), "Permission denied");
  EXPECT_EQ(Probe({}, [] { return Socket(AF_UNIX); }), "Permission denied");
}

TEST_F(SandboxTest, MayReachADisplayOnlyWhenAWindowIsWanted) {
  EXPECT_EQ(Probe({.allow_local_sockets = true}, [] { return Socket(AF_UNIX); }), "allowed");
  EXPECT_EQ(Probe({.allow_local_sockets = true}, [] { return Socket(AF_INET); }),
            "Permission denied");
}

TEST_F(SandboxTest, StartsNoPrograms) {
  EXPECT_EQ(Probe({}, [] { return execl("/bin/true", "true", nullptr) == 0 ? 0 : errno; }),
            "Permission denied");
}

TEST_F(SandboxTest, SignalsNobody) {
  const auto call = [](auto... arguments) { return syscall(arguments...) >= 0 ? 0 : errno; };
  EXPECT_EQ(Probe({}, [&] { return call(SYS_kill, getppid(), 0); }), "Permission denied");
  EXPECT_EQ(Probe({}, [&] { return call(SYS_tgkill, getppid(), getppid(), 0); }),
            "Permission denied");
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  EXPECT_EQ(Probe({}, [&] { return call(SYS_rt_sigqueueinfo, getppid(), 0, &info); }),
            "Permission denied");
  EXPECT_EQ(Probe({}, [&] { return call(SYS_rt_tgsigqueueinfo, getppid(), getppid(), 0, &info); }),
            "Permission denied");
  EXPECT_EQ(Probe({}, [&] { return call(SYS_pidfd_send_signal, 0, 0, nullptr, 0); }),
            "Permission denied");
}

TEST_F(SandboxTest, SignalsItself) {
  EXPECT_EQ(Probe({}, [] { return raise(SIGCHLD) == 0 ? 0 : errno; }), "allowed");
}

TEST_F(SandboxTest, MakesThreadsButNoProcesses) {
  EXPECT_EQ(Probe({}, [] { return fork() >= 0 ? 0 : errno; }), "Permission denied");
#ifdef SYS_vfork
  EXPECT_EQ(Probe({}, [] { return syscall(SYS_vfork) >= 0 ? 0 : errno; }), "Permission denied");
#endif
  EXPECT_EQ(Probe({},
                  [] {
                    std::thread([] {}).join();
                    return 0;
                  }),
            "allowed");
}

TEST_F(SandboxTest, ChangesNoFilesAttributes) {
  const PlayerFolder folder;
  const auto file = folder / "present";
  std::ofstream(file) << "x";
  SandboxOptions options;
  options.writable = {folder.path()};
  const auto result = [](int returned) { return returned == 0 ? 0 : errno; };
  EXPECT_EQ(Probe(options, [&] { return result(chmod(file.c_str(), 0777)); }), "Permission denied");
  EXPECT_EQ(Probe(options, [&] { return result(chown(file.c_str(), getuid(), getgid())); }),
            "Permission denied");
  EXPECT_EQ(Probe(options, [&] { return result(utimensat(AT_FDCWD, file.c_str(), nullptr, 0)); }),
            "Permission denied");
  EXPECT_EQ(Probe(options, [&] { return result(setxattr(file.c_str(), "user.a", "b", 1, 0)); }),
            "Permission denied");
}

TEST_F(SandboxTest, WritesToNoDeviceButSinksAndGpus) {
  EXPECT_EQ(Probe({}, [] { return Write("/dev/null"); }), "allowed");
  if (!confined) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(Probe({}, [] { return Write("/dev/full"); }), "Permission denied");
  EXPECT_EQ(Probe({}, [] { return Write("/dev/shm/vgpu-sandbox-test"); }), "Permission denied");
}

TEST_F(SandboxTest, WritesOnlyBelowItsOutputFolder) {
  const PlayerFolder inside, outside;
  std::ofstream(outside / "present") << "x";
  SandboxOptions options;
  options.writable = {inside.path()};
  EXPECT_EQ(Probe(options, [&] { return Write(inside / "new"); }), "allowed");
  if (!confined) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(Probe(options, [&] { return Write(outside / "new"); }), "Permission denied");
  EXPECT_EQ(Probe(options, [&] { return Write(outside / "present"); }), "Permission denied");
  EXPECT_EQ(Probe(options, [&] { return unlink((outside / "present").c_str()) == 0 ? 0 : errno; }),
            "Permission denied");
}

TEST_F(SandboxTest, UsesNoMoreCpuTimeThanItsLimit) {
  const auto end = Run([](const WorkerChannel& channel) {
    channel.Send(EnterSandbox({.max_cpu_seconds = 1}) ? "confined" : "not confined");
    while (std::clock() != -1) {
    }
  });
  EXPECT_THAT(listener.lines, ElementsAre("confined"));
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kSignal);
  EXPECT_EQ(end.signal, SIGXCPU);
}

TEST_F(SandboxTest, ALibraryThatIgnoresTheLimitOfCpuTimeIsKilled) {
  const auto end = Run([](const WorkerChannel&) {
    signal(SIGXCPU, SIG_IGN);
    if (!EnterSandbox({.max_cpu_seconds = 1})) return;
    while (std::clock() != -1) {
    }
  });
  EXPECT_EQ(end.kind, WorkerEnd::Kind::kSignal);
  EXPECT_EQ(end.signal, SIGKILL);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_F(SandboxTest, MapsNoMoreThanItsLimit) {
  EXPECT_EQ(Probe({.max_address_space = 1u << 30},
                  [] { return std::malloc(size_t{2} << 30) != nullptr ? 0 : ENOMEM; }),
            "Cannot allocate memory");
}
#endif

}  // namespace
}  // namespace vgpu
