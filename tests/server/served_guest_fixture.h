// The fixture of the tests of tests/server: a guest on the device, and what a test claims to cover.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/replay/device_fixture.h"
#include "tests/support/served_guest.h"

// At the start of a test: it fails unless the driver has seen this response to this command in it.
// docs/DEVICE.md's table is made from these lines (device_table.py), so they are written as they
// are, one a line.
#define COVERS(COMMAND, RESPONSE) Covers(CommandType::COMMAND, ResponseType::RESPONSE)
// The same for each command of the specification.
#define COVERS_ALL(RESPONSE) CoversAll(ResponseType::RESPONSE)

namespace vgpu::test {

// Guest memory in pieces, each an entry of a backing.
using Pieces = std::vector<BackingEntry>;

inline constexpr uint32_t kPageBytes = 4096;
inline constexpr uint32_t kBgra = 1, kBgrx = 2;  // formats

class ServedGuestTest : public testing::Test {
 protected:
  // False where the renderer cannot be, for GTEST_SKIP() << why_.
  bool Boot(const GuestOptions& options = {}) {
    guest_ = ServedGuest::Create(options, why_);
    return guest_ != nullptr;
  }

  void Covers(CommandType command, ResponseType response) {
    covered_.emplace_back(static_cast<uint32_t>(command), static_cast<uint32_t>(response));
  }
  void CoversAll(ResponseType response);
  void TearDown() override;

  ServedGuest& guest() { return *guest_; }
  GuestRam& ram() { return guest_->ram(); }
  DisplayPeer& display() { return guest_->display(); }
  WatchedRenderer& renderer() { return guest_->renderer(); }

  // On the queue that the command belongs to; the whole response, empty where none comes.
  std::vector<std::byte> Send(const Request& request) { return SendOn(QueueOf(request), request); }
  std::vector<std::byte> SendOn(Queue queue, const Request& request) {
    return guest_->WaitFor(guest_->Ask(queue, request.bytes())).value_or(std::vector<std::byte>());
  }
  ServedGuest::Ticket Ask(const Request& request) {
    return guest_->Ask(QueueOf(request), request.bytes());
  }
  static std::string NameOf(Bytes response);
  // The response's name; "none" where none came.
  std::string Answer(const Request& request) { return NameOf(Send(request)); }
  void Expect(const Request& request, std::string_view name = "OK_NODATA") {
    EXPECT_EQ(Answer(request), name);
  }
  // The response as a struct, whose type and size it must have.
  template <typename Struct>
  Struct As(const Request& request, ResponseType type) {
    const std::vector<std::byte> response = Send(request);
    EXPECT_EQ(NameOf(response), NameOfResponse(static_cast<uint32_t>(type)));
    EXPECT_EQ(response.size(), sizeof(Struct));
    return ReadStruct<Struct>(response).value_or(Struct());
  }

  // A command that does something works, and the queues are whole.
  void ExpectAlive();
  void ExpectNothingIsHeld();

  // Pages of guest memory that do not lie one after the other, nor in their order; the first and
  // last piece are no whole pages.
  Pieces Scattered(uint32_t bytes);
  void Write(const Pieces& pieces, Bytes bytes);
  std::vector<std::byte> Read(const Pieces& pieces);
  static Request Attach(uint32_t id, const Pieces& pieces);
  static Request CreateBlob(uint32_t ctx, wire::ResourceCreateBlob blob, const Pieces& pieces);
  static std::vector<std::byte> Encode(const Pieces& pieces);

  // A 2D resource with a backing, in which each pixel is Pixel(x, y).
  Pieces MakePicture(uint32_t id, uint32_t width, uint32_t height, uint32_t salt = 0);
  static uint32_t Pixel(uint32_t x, uint32_t y, uint32_t salt = 0) {
    return 0xff000000 | (salt << 16) | (y & 0xff) << 8 | (x & 0xff);
  }
  static Request Flush(uint32_t id, wire::Rect rect);
  static wire::Rect Rect(uint32_t x, uint32_t y, uint32_t width, uint32_t height) {
    return {x, y, width, height};
  }
  // Waits for the display to show this of a picture of MakePicture, from (x, y) of it on.
  bool Shows(uint32_t scanout, uint32_t width, uint32_t height, uint32_t salt = 0, uint32_t x = 0,
             uint32_t y = 0);

  std::string why_;
  std::unique_ptr<ServedGuest> guest_;

 private:
  std::vector<std::pair<uint32_t, uint32_t>> covered_;
};

}  // namespace vgpu::test
