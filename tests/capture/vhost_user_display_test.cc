#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstring>

#include "capture/vhost_user/display_socket.h"
#include "capture/vhost_user/messages.h"
#include "tests/capture/vhost_user_support.h"

namespace vgpu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using vhost::DisplayHeader;
using vhost::DisplayMessage;
using vhost::PayloadBytes;

class Listener : public vhost::DisplayListener {
 public:
  void OnDisplayDrained() override { ++drained; }
  void OnDisplayLost(const std::optional<Error>& error) override {
    ++lost;
    if (error) problem = error->message;
  }
  int drained = 0;
  int lost = 0;
  std::string problem;
};

// The front-end's end of the socket, and a DisplaySocket on the other one.
class VhostUserDisplay : public testing::Test {
 protected:
  VhostUserDisplay() : loop_(EventLoop::Create().value()) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    front_end_ = UniqueFd(ends[0]);
    display_ = vhost::DisplaySocket::Create(*loop_, UniqueFd(ends[1]), listener_).value();
  }

  void Pump() {
    for (int i = 0; i < 4; ++i) loop_->Wait(std::chrono::milliseconds(0));
  }

  // The next message, whose payload has `bytes` bytes.
  std::vector<std::byte> Take(DisplayMessage message, std::size_t bytes) {
    DisplayHeader header;
    const ssize_t got = recv(front_end_.get(), &header, sizeof(header), MSG_DONTWAIT);
    EXPECT_EQ(got, static_cast<ssize_t>(sizeof(header)));
    EXPECT_EQ(header.message, static_cast<uint32_t>(message));
    EXPECT_EQ(header.flags, 0u);
    EXPECT_EQ(header.size, bytes);
    return TakeBytes(bytes);
  }

  std::vector<std::byte> TakeBytes(std::size_t bytes) {
    std::vector<std::byte> out(bytes);
    std::size_t have = 0;
    while (have < bytes) {
      const ssize_t got = recv(front_end_.get(), out.data() + have, bytes - have, MSG_DONTWAIT);
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
      Pump();
    }
    EXPECT_EQ(have, bytes);
    return out;
  }

  // The next bytes, all of one message, and the descriptor that came with them.
  UniqueFd TakeWithFd(void* to, std::size_t bytes) {
    iovec into = {to, bytes};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message = {};
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    EXPECT_EQ(recvmsg(front_end_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC),
              static_cast<ssize_t>(bytes));
    const cmsghdr* item = CMSG_FIRSTHDR(&message);
    if (item == nullptr) return {};
    int fd;
    std::memcpy(&fd, CMSG_DATA(item), sizeof(fd));
    return UniqueFd(fd);
  }

  bool NothingCame() {
    std::byte byte;
    return recv(front_end_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
  }

  void Reply(DisplayMessage message, Bytes payload, uint32_t flags = vhost::kDisplayFlagReply) {
    const DisplayHeader header = {static_cast<uint32_t>(message), flags,
                                  static_cast<uint32_t>(payload.size())};
    auto bytes = PayloadBytes(header);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    SendRaw(bytes);
    Pump();
  }

  void SendRaw(Bytes bytes) {
    ASSERT_EQ(send(front_end_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }

  void Negotiate(uint64_t features) {
    Take(DisplayMessage::GET_PROTOCOL_FEATURES, 0);
    Reply(DisplayMessage::GET_PROTOCOL_FEATURES, PayloadBytes(features));
    Take(DisplayMessage::SET_PROTOCOL_FEATURES, 8);
  }

  std::unique_ptr<EventLoop> loop_;
  Listener listener_;
  UniqueFd front_end_;
  std::unique_ptr<vhost::DisplaySocket> display_;
};

TEST_F(VhostUserDisplay, OnlyTheFeaturesThatAreKnownAreTaken) {
  Take(DisplayMessage::GET_PROTOCOL_FEATURES, 0);
  Reply(DisplayMessage::GET_PROTOCOL_FEATURES, PayloadBytes<uint64_t>(0x3));
  const auto taken = Take(DisplayMessage::SET_PROTOCOL_FEATURES, 8);
  EXPECT_EQ(vhost::PayloadAs<uint64_t>(taken), vhost::kDisplayFeatureEdid);
}

TEST_F(VhostUserDisplay, DisplayInfoComesByCallback) {
  Negotiate(0);
  uint32_t width = 0;
  display_->GetDisplayInfo(
      [&](const wire::RespDisplayInfo* info) { width = info->pmodes[0].rect.width; });
  Take(DisplayMessage::GET_DISPLAY_INFO, 0);
  EXPECT_EQ(width, 0u);
  wire::RespDisplayInfo info;
  info.pmodes[0].rect.width = 1280;
  Reply(DisplayMessage::GET_DISPLAY_INFO, StructBytes(info));
  EXPECT_EQ(width, 1280u);
}

TEST_F(VhostUserDisplay, AnEdidAskedForBeforeTheFeaturesAreKnownIsAskedForAfterThem) {
  uint32_t size = 0;
  display_->GetEdid(2, [&](const wire::RespEdid* edid) { size = edid->size; });
  Negotiate(vhost::kDisplayFeatureEdid);
  EXPECT_EQ(vhost::PayloadAs<uint32_t>(Take(DisplayMessage::GET_EDID, 4)), 2u);
  wire::RespEdid edid;
  edid.size = 256;
  Reply(DisplayMessage::GET_EDID, StructBytes(edid));
  EXPECT_EQ(size, 256u);
}

TEST_F(VhostUserDisplay, AFrontEndWithoutEdidIsNotAskedForOne) {
  bool answered = false;
  display_->GetEdid(0, [&](const wire::RespEdid* edid) { answered = edid == nullptr; });
  Negotiate(0);
  EXPECT_TRUE(answered);
  EXPECT_TRUE(NothingCame());
}

TEST_F(VhostUserDisplay, AQuestionThatIsPassedOverHasNoAnswer) {
  Negotiate(vhost::kDisplayFeatureEdid);
  std::vector<std::string> answers;
  display_->GetEdid(15,
                    [&](const wire::RespEdid* edid) { answers.push_back(edid ? "edid" : "-"); });
  display_->GetDisplayInfo(
      [&](const wire::RespDisplayInfo* info) { answers.push_back(info ? "info" : "-"); });
  Reply(DisplayMessage::GET_DISPLAY_INFO, StructBytes(wire::RespDisplayInfo{}));
  EXPECT_THAT(answers, ElementsAre("-", "info"));
}

TEST_F(VhostUserDisplay, ScanoutsAndUpdatesGoOutWithPackedRows) {
  Negotiate(0);
  ASSERT_TRUE(display_->SetScanout({1, 4, 4}).value());
  const auto scanout = vhost::PayloadAs<vhost::ScanoutPayload>(Take(DisplayMessage::SCANOUT, 12));
  EXPECT_EQ(scanout.scanout, 1u);
  EXPECT_EQ(scanout.width, 4u);
  const std::string pixels = "AAAABBBB....CCCCDDDD";
  ASSERT_TRUE(display_->Update({1, 2, 1, 2, 2}, AsBytes(pixels), 12).value());
  const auto update = Take(DisplayMessage::UPDATE, 20 + 16);
  EXPECT_EQ(vhost::PayloadAs<vhost::UpdatePayload>(update).x, 2u);
  EXPECT_EQ(std::memcmp(update.data() + 20, "AAAABBBBCCCCDDDD", 16), 0);
}

TEST_F(VhostUserDisplay, ATextureGoesOutWithItsDescriptor) {
  Negotiate(0);
  const UniqueFd texture(memfd_create("texture", MFD_CLOEXEC));
  ASSERT_EQ(write(texture.get(), "T", 1), 1);
  ASSERT_TRUE(
      display_
          ->SetDmabufScanout({1, 2, 3, 4, 5, 6, 8, 24, 1, 0x34325258}, UniqueFd(dup(texture.get())))
          .value());
  uint32_t words[13];
  UniqueFd came = TakeWithFd(words, sizeof(words));
  EXPECT_THAT(words, ElementsAre(9, 0, 40, 1, 2, 3, 4, 5, 6, 8, 24, 1, 0x34325258));
  char first = 0;
  EXPECT_EQ(pread(came.get(), &first, 1, 0), 1);
  EXPECT_EQ(first, 'T');
}

TEST_F(VhostUserDisplay, AScanoutThatShowsNoTextureAnyMoreHasNoDescriptor) {
  Negotiate(0);
  ASSERT_TRUE(display_->SetDmabufScanout({.scanout = 3}, {}).value());
  uint32_t words[13];
  EXPECT_FALSE(TakeWithFd(words, sizeof(words)));
  EXPECT_THAT(words, ElementsAre(9, 0, 40, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST_F(VhostUserDisplay, AnUpdateOfATextureIsDoneWhenItsEmptyReplyComes) {
  Negotiate(0);
  ASSERT_TRUE(display_->SetDmabufScanout({0, 0, 0, 4, 4, 4, 4, 16}, {}).value());
  Take(DisplayMessage::DMABUF_SCANOUT, 40);
  int done = 0;
  ASSERT_TRUE(display_->UpdateDmabuf({0, 1, 2, 3, 2}, [&] { ++done; }).value());
  const auto update =
      vhost::PayloadAs<vhost::UpdatePayload>(Take(DisplayMessage::DMABUF_UPDATE, 20));
  EXPECT_EQ(update.x, 1u);
  EXPECT_EQ(update.height, 2u);
  Pump();
  EXPECT_EQ(done, 0);
  Reply(DisplayMessage::DMABUF_UPDATE, {});
  EXPECT_EQ(done, 1);
  EXPECT_EQ(listener_.lost, 0);
}

TEST_F(VhostUserDisplay, AnUpdateOfATextureIsDoneWhenTheFrontEndHangsUp) {
  Negotiate(0);
  ASSERT_TRUE(display_->SetDmabufScanout({0, 0, 0, 4, 4, 4, 4, 16}, {}).value());
  int done = 0;
  ASSERT_TRUE(display_->UpdateDmabuf({0, 0, 0, 4, 4}, [&] { ++done; }).value());
  front_end_.Reset();
  Pump();
  EXPECT_EQ(done, 1);
}

TEST_F(VhostUserDisplay, TexturesThatTheFrontEndCannotDrawAreRefused) {
  Negotiate(0);
  const auto none = [] {};
  EXPECT_FALSE(display_->UpdateDmabuf({0, 0, 0, 1, 1}, none));
  EXPECT_THAT(display_->SetDmabufScanout({0, 2, 0, 4, 4, 4, 4, 16}, {}).error().message,
              HasSubstr("scanout 0 of 4 x 4 pixels at 2, 0 is outside its texture of 4 x 4"));
  EXPECT_FALSE(display_->SetDmabufScanout({16, 0, 0, 4, 4, 4, 4, 16}, {}));
  ASSERT_TRUE(display_->SetScanout({0, 4, 4}));
  ASSERT_TRUE(display_->SetDmabufScanout({0, 0, 0, 4, 4, 4, 4, 16}, {}));
  EXPECT_FALSE(display_->UpdateDmabuf({0, 3, 0, 2, 1}, none));
  const std::vector<std::byte> pixels(64);
  EXPECT_FALSE(display_->Update({0, 0, 0, 4, 4}, pixels, 16));
}

TEST_F(VhostUserDisplay, UpdatesThatTheFrontEndCannotDrawAreRefused) {
  Negotiate(0);
  const std::vector<std::byte> pixels(64);
  EXPECT_THAT(display_->Update({0, 0, 0, 1, 1}, pixels, 4).error().message,
              HasSubstr("outside scanout 0 of 0 x 0"));
  ASSERT_TRUE(display_->SetScanout({0, 4, 4}));
  EXPECT_FALSE(display_->Update({0, 3, 0, 2, 1}, pixels, 8));
  EXPECT_FALSE(display_->Update({0, 0xffffffff, 0, 2, 1}, pixels, 8));
  EXPECT_FALSE(display_->Update({16, 0, 0, 1, 1}, pixels, 4));
  EXPECT_THAT(display_->Update({0, 0, 0, 4, 4}, Bytes(pixels).first(63), 16).error().message,
              HasSubstr("4 rows of 16 bytes, 16 apart, has 63 bytes"));
  EXPECT_FALSE(display_->Update({0, 0, 0, 4, 4}, pixels, 12));
  EXPECT_TRUE(display_->Update({0, 0, 0, 4, 4}, pixels, 16));
  EXPECT_FALSE(display_->SetScanout({16, 4, 4}));
  EXPECT_FALSE(display_->SetScanout({0, 65537, 4}));
}

TEST_F(VhostUserDisplay, CursorsMoveHideAndChange) {
  Negotiate(0);
  EXPECT_TRUE(display_->MoveCursor({0, 5, 6}));
  EXPECT_TRUE(display_->HideCursor({0, 7, 8}));
  std::vector<std::byte> pixels(64 * 64 * 4, std::byte{9});
  EXPECT_TRUE(display_->SetCursor({{0, 1, 2}, 3, 4}, pixels).value());
  EXPECT_FALSE(display_->SetCursor({{0, 1, 2}, 3, 4}, Bytes(pixels).first(64)));
  EXPECT_EQ(vhost::PayloadAs<vhost::CursorPosition>(Take(DisplayMessage::CURSOR_POS, 12)).y, 6u);
  EXPECT_EQ(vhost::PayloadAs<vhost::CursorPosition>(Take(DisplayMessage::CURSOR_POS_HIDE, 12)).x,
            7u);
  const auto cursor = Take(DisplayMessage::CURSOR_UPDATE, 20 + pixels.size());
  EXPECT_EQ(vhost::PayloadAs<vhost::CursorPayload>(cursor).hot_y, 4u);
  EXPECT_EQ(cursor.back(), std::byte{9});
}

TEST_F(VhostUserDisplay, AFrontEndThatDoesNotReadHoldsNothingUpAndGetsAllLater) {
  Negotiate(0);
  ASSERT_TRUE(display_->SetScanout({0, 2048, 2048}).value());
  Take(DisplayMessage::SCANOUT, 12);
  std::vector<std::byte> pixels(2048 * 2048 * 4, std::byte{1});
  ASSERT_TRUE(display_->Update({0, 0, 0, 2048, 2048}, pixels, 8192).value());
  ASSERT_TRUE(display_->Update({0, 0, 0, 2048, 2048}, pixels, 8192).value());
  EXPECT_FALSE(display_->Update({0, 0, 0, 2048, 2048}, pixels, 8192).value());
  EXPECT_FALSE(display_->MoveCursor({0, 1, 1}));
  EXPECT_FALSE(display_->SetScanout({0, 1, 1}).value());
  EXPECT_EQ(listener_.drained, 0);
  for (int i = 0; i < 2; ++i) {
    const auto update = Take(DisplayMessage::UPDATE, 20 + pixels.size());
    EXPECT_EQ(std::memcmp(update.data() + 20, pixels.data(), pixels.size()), 0);
  }
  Pump();
  EXPECT_EQ(listener_.drained, 1);
  EXPECT_EQ(display_->pending_bytes(), 0u);
  EXPECT_TRUE(display_->MoveCursor({0, 1, 1}));
  Take(DisplayMessage::CURSOR_POS, 12);
}

TEST_F(VhostUserDisplay, AHangUpIsNoErrorAndAnswersWhatWaits) {
  bool info = false, edid = false;
  display_->GetDisplayInfo([&](const wire::RespDisplayInfo* answer) { info = answer == nullptr; });
  display_->GetEdid(0, [&](const wire::RespEdid* answer) { edid = answer == nullptr; });
  front_end_.Reset();
  Pump();
  EXPECT_TRUE(info);
  EXPECT_TRUE(edid);
  EXPECT_EQ(listener_.lost, 1);
  EXPECT_EQ(listener_.problem, "");
  EXPECT_TRUE(display_->MoveCursor({0, 1, 1}));
  display_->GetDisplayInfo([&](const wire::RespDisplayInfo* answer) { info = answer != nullptr; });
  EXPECT_FALSE(info);
}

TEST_F(VhostUserDisplay, RepliesThatAnswerNothingLoseTheDisplay) {
  Negotiate(0);
  Reply(DisplayMessage::GET_EDID, StructBytes(wire::RespEdid{}));
  EXPECT_THAT(listener_.problem, HasSubstr("answers nothing that it was asked"));
  EXPECT_TRUE(display_->lost());
}

TEST_F(VhostUserDisplay, AReplyOfAnotherSizeLosesTheDisplay) {
  Negotiate(0);
  bool answered = false;
  display_->GetDisplayInfo([&](const wire::RespDisplayInfo* info) { answered = info == nullptr; });
  Reply(DisplayMessage::GET_DISPLAY_INFO, std::vector<std::byte>(407));
  EXPECT_THAT(listener_.problem, HasSubstr("message 3 with flags 0x4 and 407 bytes"));
  EXPECT_TRUE(answered);
}

TEST_F(VhostUserDisplay, ARequestWithoutTheReplyFlagIsNoReply) {
  Negotiate(0);
  display_->GetDisplayInfo([](const wire::RespDisplayInfo*) {});
  Reply(DisplayMessage::GET_DISPLAY_INFO, StructBytes(wire::RespDisplayInfo{}), 0);
  EXPECT_TRUE(display_->lost());
}

}  // namespace
}  // namespace vgpu::test
