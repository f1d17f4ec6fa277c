// The host-visible window: memory of the host that the front-end maps into the guest.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstring>

#include "tests/capture/vhost_user_support.h"

namespace vgpu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using vhost::BackEndRequest;
using vhost::ProtocolFeature;
using vhost::Request;

constexpr uint64_t kWindowBytes = 1024 * kPage;

uint64_t Bit(ProtocolFeature feature) { return static_cast<uint64_t>(feature); }

// Host memory, as of a blob.
class Blob {
 public:
  explicit Blob(uint64_t size) : fd_(memfd_create("blob", MFD_CLOEXEC)) {
    if (ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) std::abort();
    bytes_ = {
        static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0)),
        size};
  }
  ~Blob() { munmap(bytes_.data(), bytes_.size()); }
  Blob(const Blob&) = delete;
  Blob& operator=(const Blob&) = delete;
  int fd() const { return fd_.get(); }
  std::span<char> bytes() const { return bytes_; }

 private:
  UniqueFd fd_;
  std::span<char> bytes_;
};

class VhostUserWindow : public VhostUserSession {
 protected:
  VhostUserWindow() : VhostUserSession({0x3, 4, 2, kWindowBytes}) {}

  void Open(uint64_t protocol_features = kAllProtocolFeatures) {
    ASSERT_TRUE(front_end_.Connect(protocol_features));
    ASSERT_TRUE(front_end_.OpenWindow());
    ASSERT_TRUE(front_end_.StartDriver());
    ASSERT_TRUE(session_->has_window());
    device_.resets = 0;
  }

  vhost::Session::WindowDone Note() {
    return [this](bool ok) { done_.push_back(ok); };
  }
  void Map(uint64_t offset, uint64_t size = kPage, uint64_t fd_offset = 0) {
    session_->MapWindow(blob_.fd(), fd_offset, offset, size, true, Note());
  }
  void Unmap(uint64_t offset, uint64_t size = kPage) {
    session_->UnmapWindow(offset, size, Note());
  }
  // The front-end answers what it was not asked.
  void Answer(BackEndRequest request, uint64_t result, uint32_t flags = 5, uint32_t size = 8) {
    auto bytes = vhost::PayloadBytes(vhost::Header{static_cast<uint32_t>(request), flags, size});
    const auto payload = vhost::PayloadBytes(result);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    front_end_.window().SendRaw(bytes);
    Pump();
  }
  const std::map<uint64_t, uint64_t>& mapped() { return front_end_.window().mapped(); }
  bool SessionServes() { return front_end_.AskU64(Request::GET_QUEUE_NUM) == 2; }

  Blob blob_{4 * kPage};
  std::vector<bool> done_;
};

TEST_F(VhostUserWindow, BytesThatOneSideWritesAreSeenByTheOther) {
  Open();
  Map(16 * kPage, 2 * kPage, kPage);
  EXPECT_THAT(done_, IsEmpty()) << "the front-end has not answered yet";
  Pump();
  EXPECT_THAT(done_, ElementsAre(true));
  EXPECT_THAT(mapped(), ElementsAre(Pair(16 * kPage, 2 * kPage)));
  auto* guest = reinterpret_cast<char*>(front_end_.window().bytes().data() + 16 * kPage);
  blob_.bytes()[kPage] = 'h';
  EXPECT_EQ(guest[0], 'h');
  guest[2 * kPage - 1] = 'g';
  EXPECT_EQ(blob_.bytes()[3 * kPage - 1], 'g');
}

TEST_F(VhostUserWindow, WhatIsNotWritableIsMappedForReadsOnly) {
  Open();
  const UniqueFd read_only(
      open(("/proc/self/fd/" + std::to_string(blob_.fd())).c_str(), O_RDONLY | O_CLOEXEC));
  session_->MapWindow(read_only.get(), 0, 0, kPage, true, Note());
  session_->MapWindow(read_only.get(), 0, 0, kPage, false, Note());
  Pump();
  EXPECT_THAT(done_, ElementsAre(false, true));
}

TEST_F(VhostUserWindow, WhatIsUnmappedCanBeMappedAgain) {
  Open();
  Map(0);
  Unmap(0);
  Map(0, 2 * kPage);
  Pump();
  EXPECT_THAT(done_, ElementsAre(true, true, true));
  EXPECT_THAT(mapped(), ElementsAre(Pair(0, 2 * kPage)));
}

TEST_F(VhostUserWindow, WhatTheFrontEndRefusesIsTold) {
  Open();
  Map(0, 2 * kPage);
  Map(kPage);
  Unmap(0);
  Pump();
  EXPECT_THAT(done_, ElementsAre(true, false, false)) << "overlaps; is not the whole mapping";
  front_end_.window().refuse = true;
  Map(8 * kPage);
  Pump();
  EXPECT_THAT(done_, ElementsAre(true, false, false, false));
  EXPECT_TRUE(session_->has_window());
}

TEST_F(VhostUserWindow, RangesThatAreNotWholePagesInsideTheWindowAreNotAskedFor) {
  Open();
  Map(0, 0);
  Map(1);
  Map(0, kPage - 1);
  Map(0, kPage, 1);
  Map(kWindowBytes);
  Map(kPage, kWindowBytes);
  Map(uint64_t{0} - kPage, 2 * kPage);
  Unmap(uint64_t{0} - kPage, 2 * kPage);
  session_->MapWindow(-1, 0, 0, kPage, true, Note());
  EXPECT_EQ(done_, std::vector<bool>(9, false));
  Pump();
  EXPECT_EQ(front_end_.window().requests(), 0);
  EXPECT_THAT(device_.problems, ElementsAre(HasSubstr("descriptor -1, to be mapped into the "
                                                      "window, cannot be duplicated")));
}

TEST_F(VhostUserWindow, TheSessionServesWhileAnAcknowledgementIsAwaited) {
  Open();
  front_end_.window().silent = true;
  device_.on_request = [this](const vhost::GuestRequest& request) {
    session_->MapWindow(blob_.fd(), 0, 0, kPage, true, [this, token = request.token](bool ok) {
      session_->Complete(token, AsBytes(ok ? "mapped" : "refused"));
    });
  };
  const Sent map = Ask(0, "map");
  front_end_.Kick(0);
  EXPECT_FALSE(front_end_.queue(0).TakeUsed());
  EXPECT_TRUE(SessionServes());
  device_.on_request = nullptr;
  device_.echo = true;
  const Sent other = Ask(0, "other");
  front_end_.Kick(0);
  EXPECT_EQ(front_end_.queue(0).TakeUsed()->head, other.head);
  front_end_.window().Answer();
  Pump();
  EXPECT_EQ(front_end_.queue(0).TakeUsed()->head, map.head);
  EXPECT_EQ(front_end_.ram().TextAt(map.response, 6), "mapped");
}

TEST_F(VhostUserWindow, AnAnswerMayAskForMore) {
  Open();
  session_->MapWindow(blob_.fd(), 0, 0, kPage, true, [this](bool) { Unmap(0); });
  Pump();
  EXPECT_THAT(done_, ElementsAre(true));
  EXPECT_THAT(mapped(), IsEmpty());
}

TEST_F(VhostUserWindow, AnAnswerMayArriveByteByByte) {
  Open();
  front_end_.window().silent = true;
  Map(0);
  Pump();
  auto bytes = vhost::PayloadBytes(vhost::Header{9, 5, 8});
  bytes.resize(bytes.size() + 8);
  for (const std::byte byte : bytes) {
    EXPECT_THAT(done_, IsEmpty());
    front_end_.window().SendRaw({&byte, 1});
    Pump();
  }
  EXPECT_THAT(done_, ElementsAre(true));
}

TEST_F(VhostUserWindow, AFrontEndThatReadsNothingKeepsNobodyWaiting) {
  Open();
  front_end_.window().asleep = true;
  const auto before = OpenDescriptors();
  const auto most = vhost::WindowChannel::kMaxWaiting;
  for (uint64_t i = 0; i < most + 10; ++i) Map(i * kPage);
  EXPECT_EQ(done_, std::vector<bool>(10, false)) << "only so many may wait";
  EXPECT_TRUE(SessionServes());
  front_end_.window().asleep = false;
  for (int i = 0; i < 20; ++i) Pump();
  EXPECT_EQ(done_.size(), most + 10);
  EXPECT_EQ(mapped().size(), most) << "each with its own descriptor, in order";
  EXPECT_EQ(OpenDescriptors(), before);
}

// The same with a socket that takes a few of them at a time.
TEST_F(VhostUserWindow, WhatTheSocketDoesNotTakeIsKeptWithItsDescriptors) {
  ASSERT_TRUE(front_end_.Connect(kAllProtocolFeatures & ~Bit(ProtocolFeature::REPLY_ACK)));
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  HostVisibleWindow window(kWindowBytes, UniqueFd(ends[0]));
  const int small = 1;
  ASSERT_EQ(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
  front_end_.Send(Request::SET_BACKEND_REQ_FD, {}, {ends[1]});
  close(ends[1]);
  Pump();
  const auto before = OpenDescriptors();
  for (uint64_t i = 0; i < 100; ++i) Map(i * kPage);
  EXPECT_EQ(done_, std::vector<bool>(100, true));
  EXPECT_GT(OpenDescriptors(), before + 50) << "most are kept";
  for (int i = 0; i < 100; ++i) {
    window.Serve();
    loop_->Wait(std::chrono::milliseconds(0));
  }
  EXPECT_EQ(window.mapped().size(), 100u);
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(VhostUserWindow, AFrontEndWithoutAcknowledgementsIsTakenToHaveDoneIt) {
  ASSERT_TRUE(front_end_.Connect(kAllProtocolFeatures & ~Bit(ProtocolFeature::REPLY_ACK)));
  ASSERT_TRUE(front_end_.OpenWindow());
  ASSERT_TRUE(session_->has_window());
  Map(0);
  Map(kPage);
  Unmap(kPage);
  EXPECT_THAT(done_, ElementsAre(true, true, true));
  Pump();
  EXPECT_THAT(mapped(), ElementsAre(Pair(0, kPage)));
  EXPECT_TRUE(session_->has_window());
}

TEST_F(VhostUserWindow, WithoutHostVisibleMemoryNoneOfItIsOffered) {
  VhostUserFrontEnd front_end([this] { Pump(); });
  const auto plain =
      vhost::Session::Create(*loop_, front_end.TakePeer(), {0x3, 4, 2, 0}, device_).value();
  const uint64_t offered = front_end.AskU64(Request::GET_PROTOCOL_FEATURES);
  EXPECT_EQ(offered, uint64_t{1} << 0 | 1 << 3 | 1 << 9 | 1 << 13 | 1 << 15);
  EXPECT_EQ(front_end_.AskU64(Request::GET_PROTOCOL_FEATURES),
            offered | uint64_t{1} << 5 | 1 << 10 | 1 << 22);
  ASSERT_TRUE(front_end.Connect(kAllProtocolFeatures));
  EXPECT_FALSE(front_end.Acknowledged(Request::SET_BACKEND_REQ_FD, {}, {blob_.fd()}));
  EXPECT_FALSE(plain->has_window());
  EXPECT_FALSE(front_end.OpenWindow());
  EXPECT_EQ(plain->error()->message, "GET_SHMEM_CONFIG (44) is sent and SHMEM is not negotiated");
}

TEST_F(VhostUserWindow, AWindowThatIsNotWholePagesIsRefused) {
  VhostUserFrontEnd front_end([] {});
  const auto session =
      vhost::Session::Create(*loop_, front_end.TakePeer(), {0, 1, 0, kPage + 1}, device_);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().message,
            "a host-visible window of 4097 bytes is not whole pages of 4096");
}

TEST_F(VhostUserWindow, AFrontEndThatDoesNotKnowSharedMemoryHasNoWindow) {
  Start();
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd channel(ends[0]), peer(ends[1]);
  EXPECT_TRUE(front_end_.Acknowledged(Request::SET_BACKEND_REQ_FD, {}, {peer.get()}))
      << "QEMU 10 gives a channel to who offers to take it";
  EXPECT_FALSE(session_->has_window());
  Map(0);
  Unmap(0);
  EXPECT_THAT(done_, ElementsAre(false, false));
}

TEST_F(VhostUserWindow, ChannelsThatCannotBeAreRefused) {
  ASSERT_TRUE(front_end_.Connect(kAllProtocolFeatures));
  EXPECT_FALSE(front_end_.Acknowledged(Request::SET_BACKEND_REQ_FD));
  EXPECT_FALSE(front_end_.Acknowledged(Request::SET_BACKEND_REQ_FD, {}, {blob_.fd()}))
      << "a file cannot be waited for";
  EXPECT_FALSE(session_->has_window());
  EXPECT_TRUE(SessionServes());
}

TEST_F(VhostUserWindow, AnotherChannelTakesThePlaceOfTheFirst) {
  Open();
  front_end_.window().asleep = true;
  Map(0);
  ASSERT_TRUE(front_end_.OpenWindow());
  EXPECT_THAT(done_, ElementsAre(false));
  Map(0);
  Pump();
  EXPECT_THAT(done_, ElementsAre(false, true));
}

TEST_F(VhostUserWindow, WhatWaitsWhenTheChannelIsLostIsAnsweredAndTheSessionGoesOn) {
  Open();
  front_end_.window().asleep = true;
  Map(0);
  Unmap(0);
  front_end_.window().HangUp();
  Pump();
  EXPECT_THAT(done_, ElementsAre(false, false));
  EXPECT_FALSE(session_->has_window());
  Map(0);
  EXPECT_THAT(done_, ElementsAre(false, false, false));
  EXPECT_THAT(device_.problems, IsEmpty()) << "a front-end may go at any time";
  EXPECT_TRUE(SessionServes());
}

TEST_F(VhostUserWindow, AChannelThatTakesNothingAnyMoreIsLost) {
  Open();
  ASSERT_EQ(shutdown(front_end_.window().channel(), SHUT_RD), 0);
  Map(0);
  Pump();
  EXPECT_THAT(done_, ElementsAre(false));
  EXPECT_FALSE(session_->has_window());
}

TEST_F(VhostUserWindow, TheEndOfTheSessionAnswersWhatWaitsAndItsDestructionDoesNot) {
  Open();
  front_end_.window().silent = true;
  Map(0);
  front_end_.HangUp();
  Pump();
  EXPECT_TRUE(session_->ended());
  EXPECT_THAT(done_, ElementsAre(false));
  Map(0);
  EXPECT_THAT(done_, ElementsAre(false, false));
}

TEST_F(VhostUserWindow, ASessionThatGoesAnswersNobodyAndLeavesNothingInTheLoop) {
  Open();
  front_end_.window().silent = true;
  Map(0);
  Pump();
  session_.reset();
  front_end_.window().Answer();
  Pump();
  EXPECT_THAT(done_, IsEmpty());
}

// Answers that make no sense end the channel, not the session.
struct Garbled {
  BackEndRequest request;
  uint32_t flags;
  uint32_t size;
};

class VhostUserWindowGarbled : public VhostUserWindow,
                               public testing::WithParamInterface<Garbled> {};

TEST_P(VhostUserWindowGarbled, EndsTheChannelWithASentenceAndTheSessionGoesOn) {
  Open();
  front_end_.window().silent = true;
  Map(0);
  Pump();
  Answer(GetParam().request, 0, GetParam().flags, GetParam().size);
  EXPECT_THAT(done_, ElementsAre(false));
  EXPECT_FALSE(session_->has_window());
  EXPECT_THAT(device_.problems,
              ElementsAre(HasSubstr("on its back-end channel, which answers nothing that it was "
                                    "asked; the host-visible window is lost")));
  EXPECT_TRUE(SessionServes());
  ASSERT_TRUE(front_end_.OpenWindow());
  EXPECT_TRUE(session_->has_window()) << "and it may begin anew";
}

INSTANTIATE_TEST_SUITE_P(Answers, VhostUserWindowGarbled,
                         testing::Values(Garbled{BackEndRequest::SHMEM_UNMAP, 5, 8},
                                         Garbled{static_cast<BackEndRequest>(77), 5, 8},
                                         Garbled{BackEndRequest::SHMEM_MAP, 1, 8},
                                         Garbled{BackEndRequest::SHMEM_MAP, 6, 8},
                                         Garbled{BackEndRequest::SHMEM_MAP, 5, 7},
                                         Garbled{BackEndRequest::SHMEM_MAP, 5, 0xffffffff}));

TEST_F(VhostUserWindow, AnAnswerToNothingEndsTheChannel) {
  Open();
  Answer(BackEndRequest::SHMEM_MAP, 0);
  EXPECT_FALSE(session_->has_window());
  EXPECT_THAT(device_.problems,
              ElementsAre(HasSubstr("the front-end sends SHMEM_MAP (9) with flags 0x5 and 8 bytes "
                                    "on its back-end channel")));
}

// A reset unmaps everything, in the front-end too.

TEST_F(VhostUserWindow, AfterAResetThePlacesAreFree) {
  Open();
  Map(0);
  Pump();
  ASSERT_TRUE(front_end_.ResetDevice());
  EXPECT_EQ(device_.resets, 1);
  Map(0);
  Pump();
  EXPECT_THAT(done_, ElementsAre(true, true));
}

TEST_F(VhostUserWindow, WhatWaitsAtAResetIsAnsweredBeforeItAndItsLateAnswersAreNobodys) {
  Open();
  front_end_.window().silent = true;
  Map(0);
  Unmap(0);
  Pump();
  ASSERT_TRUE(front_end_.ResetDevice());
  EXPECT_THAT(done_, ElementsAre(false, false));
  Map(kPage);
  Pump();
  front_end_.window().silent = false;
  front_end_.window().Answer();
  Pump();
  EXPECT_THAT(done_, ElementsAre(false, false, true));
  EXPECT_TRUE(session_->has_window());
}

TEST_F(VhostUserWindow, AMapThatTheFrontEndSeesAfterTheResetDoesNotOutliveIt) {
  Open();
  front_end_.window().asleep = true;
  Map(0);
  Map(4 * kPage);
  ASSERT_TRUE(front_end_.ResetDevice());
  ASSERT_TRUE(front_end_.ResetDevice());
  Map(0, 2 * kPage);
  front_end_.window().asleep = false;
  Pump();
  EXPECT_THAT(done_, ElementsAre(false, false, true));
  EXPECT_THAT(mapped(), ElementsAre(Pair(0, 2 * kPage)));
}

}  // namespace
}  // namespace vgpu::test
