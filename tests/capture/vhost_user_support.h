// A session with a front-end and a handler that keeps what it is told, for the tests of vhost_user.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/io/event_loop.h"
#include "capture/vhost_user/session.h"
#include "tests/support/vhost_user_front_end.h"

namespace vgpu::test {

inline Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline constexpr uint64_t kPage = 4096;

// Of this process.
inline std::ptrdiff_t OpenDescriptors() {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  return std::distance(begin(open), end(open));
}

class FakeDevice : public vhost::RequestHandler {
 public:
  struct Kept {
    vhost::RequestToken token;
    std::string bytes;
    uint64_t capacity;
  };

  void OnRequest(const vhost::GuestRequest& request) override {
    const auto* text = reinterpret_cast<const char*>(request.bytes.data());
    requests.push_back({request.token, {text, request.bytes.size()}, request.capacity});
    if (on_request) on_request(request);
    if (echo) Answer(requests.size() - 1, "re:" + requests.back().bytes);
  }
  void Drain(uint32_t queue) override {
    drained.push_back(queue);
    if (!answer_when_drained) return;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].token.queue == queue) Answer(i, "drained");
    }
  }
  void OnFeatures(uint64_t taken) override { features = taken; }
  void OnMemoryChanged() override {
    ++memory_changes;
    if (on_memory_changed) on_memory_changed();
  }
  void OnDisplay(UniqueFd socket) override { display = std::move(socket); }
  void OnReset() override { ++resets; }
  void OnProblem(const Error& problem) override { problems.push_back(problem.message); }

  void Answer(std::size_t request, std::string_view response) {
    session->Complete(requests.at(request).token, AsBytes(response));
  }

  vhost::Session* session = nullptr;
  bool echo = false;  // answer each request at once
  bool answer_when_drained = false;
  std::function<void(const vhost::GuestRequest&)> on_request;
  std::function<void()> on_memory_changed;
  std::vector<Kept> requests;
  std::vector<uint32_t> drained;
  uint64_t features = 0;
  int memory_changes = 0;
  int resets = 0;
  UniqueFd display;
  std::vector<std::string> problems;
};

class VhostUserSession : public testing::Test {
 protected:
  explicit VhostUserSession(const vhost::DeviceDescription& description = {0x3, 4, 2})
      : loop_(EventLoop::Create().value()), front_end_([this] { Pump(); }) {
    session_ = vhost::Session::Create(*loop_, front_end_.TakePeer(), description, device_).value();
    device_.session = session_.get();
  }

  // Some rounds of the loop: a message may make a kick, which makes a call.
  void Pump() {
    for (int i = 0; i < 8; ++i) {
      loop_->Wait(std::chrono::milliseconds(0));
      front_end_.ServeWindow();
    }
  }

  void Start(uint64_t features = kUsualFeatures, uint16_t first_index = 0) {
    ASSERT_TRUE(front_end_.Connect());
    device_.resets = 0;  // QEMU begins with one
    ASSERT_TRUE(front_end_.StartDriver(features, first_index));
  }

  uint64_t Put(std::string_view text) {
    const uint64_t place = front_end_.ram().Allocate(text.size());
    front_end_.ram().Write(place, AsBytes(text));
    return place;
  }

  // A request and room for a response of `room` bytes, at `response`.
  struct Sent {
    uint16_t head;
    uint64_t response;
  };
  Sent Ask(uint32_t queue, std::string_view text, uint32_t room = 64) {
    const uint64_t response = front_end_.ram().Allocate(room);
    const uint16_t head = front_end_.queue(queue).Add(
        {{Put(text), static_cast<uint32_t>(text.size()), false}, {response, room, true}});
    return {head, response};
  }

  std::string ErrorText() const { return session_->error() ? session_->error()->message : ""; }

  std::unique_ptr<EventLoop> loop_;
  VhostUserFrontEnd front_end_;
  FakeDevice device_;
  std::unique_ptr<vhost::Session> session_;
};

}  // namespace vgpu::test
