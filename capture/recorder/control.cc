#include "capture/recorder/control.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "capture/recorder/private_folder.h"
#include "capture/recorder/unix_socket.h"

namespace vgpu {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxRequest = 4096;
constexpr size_t kMaxReply = 1u << 20;
constexpr timeval kReplyTime = {30, 0};

bool IsNumber(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsSocket(const fs::path& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

// Whether the recorder there records the process `pid`; "pids" answers them between spaces.
bool Records(const fs::path& socket, const std::string& pid) {
  const auto pids = AskRecorder(socket, "pids");
  return pids && pids->find(" " + pid + " ") != std::string::npos;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::Create(EventLoop& loop,
                                                             const fs::path& socket,
                                                             Handler handler) {
  auto listener = PeerListener::Open(socket);
  if (!listener) return tl::unexpected(listener.error());
  std::unique_ptr<ControlServer> server(
      new ControlServer(loop, std::move(*listener), std::move(handler)));
  if (Status status =
          loop.Add(server->listener_.descriptor(), [raw = server.get()] { raw->Accept(); });
      !status) {
    return tl::unexpected(status.error());
  }
  return server;
}

ControlServer::~ControlServer() {
  loop_.Remove(listener_.descriptor());
  for (const auto& client : clients_) loop_.Remove(client.first);
}

void ControlServer::Accept() {
  auto peer = listener_.Accept();
  if (!peer || !*peer) return;  // who asks sees that nobody replies
  const int fd = (*peer)->socket.get();
  if (!loop_.Add(fd, [this, fd] { Answer(fd); })) return;
  clients_[fd] = std::move((*peer)->socket);
}

void ControlServer::Answer(int client) {
  const auto request = ReceiveMessage(client, kMaxRequest);
  if (!request) return;
  if (request->empty()) {
    loop_.Remove(client);
    clients_.erase(client);
    return;
  }
  const auto reply = handler_(*request);
  const std::string text =
      reply ? "0" + *reply
            : fmt::format("{}{}", reply.error().code == ErrorCode::kUsage ? 2 : 4,
                          reply.error().message);
  SendMessage(client, std::as_bytes(std::span(text)));
}

Result<std::string> AskRecorder(const fs::path& socket, const std::string& request) {
  auto connection = ConnectTo(socket);
  if (!connection) return tl::unexpected(connection.error());
  if (request.size() > kMaxRequest) {
    return MakeError(ErrorCode::kUsage,
                     fmt::format("a request has {} bytes at most, this one has {}", kMaxRequest,
                                 request.size()));
  }
  setsockopt(connection->get(), SOL_SOCKET, SO_RCVTIMEO, &kReplyTime, sizeof(kReplyTime));
  std::optional<std::string> reply;
  if (SendMessage(connection->get(), std::as_bytes(std::span(request)))) {
    reply = ReceiveMessage(connection->get(), kMaxReply);
  }
  if (!reply || reply->empty()) {
    return MakeError(ErrorCode::kFailed,
                     fmt::format("{}: the recorder does not reply", socket.string()));
  }
  const char code = reply->front();
  reply->erase(0, 1);
  if (code == '0') return *reply;
  return MakeError(code == '2' ? ErrorCode::kUsage : ErrorCode::kFailed, *reply);
}

Result<fs::path> FindRecorder(const std::string& target) {
  if (!IsNumber(target)) {
    if (IsSocket(target)) return fs::path(target);
    return MakeError(ErrorCode::kUsage, fmt::format("{} is not a recorder's socket", target));
  }
  for (const PrivateFolder::Entry& entry : PrivateFolder::List()) {
    const fs::path socket = PrivateFolder::ControlSocketIn(entry.path);
    if (target == std::to_string(entry.pid) || Records(socket, target)) return socket;
  }
  return MakeError(
      ErrorCode::kUsage,
      fmt::format("no recorder of this user has the process id {}, or records that process",
                  target));
}

}  // namespace vgpu
