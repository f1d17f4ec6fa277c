#include "capture/launcher/signals.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace vgpu {

namespace {

constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr int kIgnored[] = {SIGPIPE, SIGXFSZ};

// What this process inherited. Signal state belongs to the process, so this does too.
struct Inherited {
  bool saved = false;
  sigset_t mask;
  struct sigaction ignored[std::size(kIgnored)];
} inherited;

}  // namespace

Result<std::unique_ptr<SignalReader>> SignalReader::Create() {
  sigset_t forwarded;
  sigemptyset(&forwarded);
  for (const int signal : kForwarded) sigaddset(&forwarded, signal);
  sigprocmask(SIG_BLOCK, &forwarded, &inherited.mask);
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  for (size_t i = 0; i < std::size(kIgnored); ++i) {
    sigaction(kIgnored[i], &ignore, inherited.saved ? nullptr : &inherited.ignored[i]);
  }
  inherited.saved = true;
  UniqueFd fd(signalfd(-1, &forwarded, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd)
    return MakeError(ErrorCode::kFailed, fmt::format("signalfd failed: {}", std::strerror(errno)));
  return std::unique_ptr<SignalReader>(new SignalReader(std::move(fd)));
}

// What is ignored stays so: the last words of a recording may find nobody who reads them.
SignalReader::~SignalReader() {
  if (inherited.saved) sigprocmask(SIG_SETMASK, &inherited.mask, nullptr);
}

std::optional<SignalReader::Arrived> SignalReader::Next() {
  signalfd_siginfo info = {};
  if (read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return std::nullopt;
  return Arrived{static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
}

void RestoreInheritedSignals() {
  if (!std::exchange(inherited.saved, false)) return;
  for (size_t i = 0; i < std::size(kIgnored); ++i)
    sigaction(kIgnored[i], &inherited.ignored[i], nullptr);
  sigprocmask(SIG_SETMASK, &inherited.mask, nullptr);
}

}  // namespace vgpu
