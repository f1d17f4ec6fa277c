#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/vhost_user/virt_queue.h"
#include "tests/capture/vhost_user_queue_support.h"

namespace vgpu::test {
namespace {

using ::testing::HasSubstr;
using Buffer = DriverQueue::Buffer;
using Used = DriverQueue::Used;
using vhost::Descriptor;
using vhost::kDescriptorIndirect;
using vhost::kDescriptorNext;

TEST_F(VhostUserQueue, AChainIsGatheredAndItsResponseScattered) {
  Start();
  const Buffer first = Room(3), second = Room(100);
  const uint16_t head = driver_->Add({Text("one "), Text("request"), first, second});
  const auto request = Take();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->head, head);
  EXPECT_EQ(request->capacity, 103u);
  EXPECT_EQ(
      std::string(reinterpret_cast<const char*>(request->bytes.data()), request->bytes.size()),
      "one request");
  EXPECT_TRUE(Finish(*request, "response"));
  EXPECT_EQ(ram_.TextAt(first.address, 3), "res");
  EXPECT_EQ(ram_.TextAt(second.address, 5), "ponse");
  EXPECT_EQ(driver_->TakeUsed(), (Used{head, 8}));
  EXPECT_EQ(TakenText(), "nothing");
}

TEST_F(VhostUserQueue, AnIndirectChainIsLikeADirectOne) {
  Start();
  const Buffer room = Room(8);
  const uint16_t head = driver_->AddIndirect({Text("in"), Text("direct"), room});
  const auto request = Take();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->bytes.size(), 8u);
  EXPECT_TRUE(Finish(*request, "ok"));
  EXPECT_EQ(driver_->TakeUsed(), (Used{head, 2}));
  EXPECT_EQ(ram_.TextAt(room.address, 2), "ok");
}

TEST_F(VhostUserQueue, AnIndirectChainMayBeLongerThanTheQueue) {
  Start();
  std::vector<Buffer> buffers;
  for (int i = 0; i < 100; ++i) buffers.push_back(Text("x"));
  driver_->AddIndirect(buffers);
  EXPECT_EQ(TakenText(), std::string(100, 'x'));
}

TEST_F(VhostUserQueue, DirectDescriptorsMayStandBeforeAnIndirectOne) {
  Start();
  const Buffer text = Text("direct ");
  const Buffer tail = Text("tail");
  const uint64_t table = ram_.Allocate(sizeof(Descriptor));
  const Descriptor entry = {tail.address, tail.size, 0, 0};
  ram_.Write(table, std::as_bytes(std::span(&entry, 1)));
  driver_->Write(0, text.address, text.size, kDescriptorNext, 1);
  driver_->Write(1, table, sizeof(entry), kDescriptorIndirect);
  driver_->Offer(0);
  EXPECT_EQ(TakenText(), "direct tail");
}

TEST_F(VhostUserQueue, AResponseLongerThanItsRoomIsCut) {
  Start();
  const Buffer room = Room(4);
  const Buffer behind = Room(4);
  const uint16_t head = driver_->Add({Text("a"), room});
  EXPECT_TRUE(Finish(*Take(), "too long"));
  EXPECT_EQ(driver_->TakeUsed(), (Used{head, 4}));
  EXPECT_EQ(ram_.TextAt(room.address, 4), "too ");
  EXPECT_EQ(ram_.TextAt(behind.address, 4), std::string_view("\0\0\0\0", 4));
}

TEST_F(VhostUserQueue, RequestsWithoutARequestOrWithoutRoomComeThrough) {
  Start();
  const uint16_t room_only = driver_->Add({Room(4)});
  const auto empty = Take();
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->bytes.empty());
  EXPECT_TRUE(Finish(*empty, "ok"));
  const uint16_t text_only = driver_->Add({Text("a")});
  EXPECT_TRUE(Finish(*Take(), "nowhere"));
  EXPECT_EQ(driver_->TakeUsed(), (Used{room_only, 2}));
  EXPECT_EQ(driver_->TakeUsed(), (Used{text_only, 0}));
}

TEST_F(VhostUserQueue, ResponsesMayComeInAnyOrderAndOnlyOnce) {
  Start();
  const uint16_t first = driver_->Add({Text("1"), Room(1)});
  const uint16_t second = driver_->Add({Text("2"), Room(1)});
  const auto one = *Take(), two = *Take();
  EXPECT_EQ(queue_.in_flight(), 2u);
  EXPECT_TRUE(Finish(two, "2"));
  EXPECT_FALSE(Finish(two, "2"));
  EXPECT_TRUE(Finish(one, "1"));
  EXPECT_EQ(driver_->TakeUsed()->head, second);
  EXPECT_EQ(driver_->TakeUsed()->head, first);
  EXPECT_FALSE(driver_->TakeUsed());
  EXPECT_EQ(queue_.in_flight(), 0u);
}

TEST_F(VhostUserQueue, AResponseOfAnEarlierRequestDoesNotAnswerALaterOneOfTheSameDescriptor) {
  Start();
  driver_->Add({Text("1"), Room(1)});
  const auto earlier = *Take();
  EXPECT_TRUE(Finish(earlier, "1"));
  driver_->TakeUsed();
  driver_->Add({Text("2"), Room(1)});
  const auto later = *Take();
  EXPECT_EQ(later.head, earlier.head);
  EXPECT_FALSE(Finish(earlier, "1"));
  queue_.Start(queue_.next_available());
  EXPECT_FALSE(Finish(later, "2"));
}

TEST_F(VhostUserQueue, IndicesGoThroughTheirWrapOverManyRequests) {
  Start(true, 0xfffc);
  for (int i = 0; i < 20; ++i) {
    const std::string text = "request " + std::to_string(i);
    const uint16_t head = driver_->Add({Text(text), Room(4)});
    const auto request = Take();
    ASSERT_TRUE(request);
    EXPECT_EQ(
        std::string(reinterpret_cast<const char*>(request->bytes.data()), request->bytes.size()),
        text);
    EXPECT_TRUE(Finish(*request, "ok"));
    EXPECT_EQ(driver_->TakeUsed(), (Used{head, 2}));
  }
  EXPECT_EQ(queue_.next_available(), 16u);
}

TEST_F(VhostUserQueue, WithoutEventIndexTheFlagSaysWhetherToInterrupt) {
  Start();
  driver_->Add({Text("1"), Room(1)});
  Finish(*Take(), "1");
  EXPECT_TRUE(queue_.WantsCall());
  driver_->SetNoInterrupt(true);
  driver_->Add({Text("2"), Room(1)});
  Finish(*Take(), "2");
  EXPECT_FALSE(queue_.WantsCall());
}

TEST_F(VhostUserQueue, WithEventIndexTheDriverIsInterruptedWhenItsEventIsReached) {
  Start(true);
  driver_->SetUsedEvent(2);
  std::vector<bool> calls;
  for (int i = 0; i < 4; ++i) {
    driver_->Add({Text("a"), Room(1)});
    Finish(*Take(), "a");
    calls.push_back(queue_.WantsCall());
  }
  // The first time the device cannot know what the driver saw.
  EXPECT_EQ(calls, (std::vector<bool>{true, false, true, false}));
}

TEST_F(VhostUserQueue, WithEventIndexArmingAsksForTheNextKick) {
  Start(true);
  driver_->Add({Text("1"), Room(1)});
  EXPECT_TRUE(driver_->NeedsKick());
  driver_->Add({Text("2"), Room(1)});
  EXPECT_FALSE(driver_->NeedsKick());
  EXPECT_EQ(TakenText(), "1");
  EXPECT_TRUE(queue_.ArmKick()) << "one is there already";
  EXPECT_EQ(TakenText(), "2");
  EXPECT_FALSE(queue_.ArmKick());
  EXPECT_EQ(driver_->AvailableEvent(), 2u);
  driver_->Add({Text("3"), Room(1)});
  EXPECT_TRUE(driver_->NeedsKick());
}

TEST_F(VhostUserQueue, RingsMustBeInMemoryAndAligned) {
  Start();
  const vhost::VringAddress good = driver_->Address(0);
  const auto refusal = [&](auto change) {
    vhost::VringAddress address = good;
    change(address);
    const Status placed = queue_.Place(memory_, address, false);
    return placed ? "" : placed.error().message;
  };
  EXPECT_EQ(refusal([](auto&) {}), "");
  EXPECT_THAT(
      refusal([](auto& a) { a.descriptors += 8; }),
      HasSubstr("the descriptor table at user address 0x7f0000000008 is not aligned to 16"));
  EXPECT_THAT(refusal([](auto& a) { a.available += 1; }), HasSubstr("not aligned to 2 bytes"));
  EXPECT_THAT(refusal([](auto& a) { a.used += 2; }), HasSubstr("not aligned to 4 bytes"));
  EXPECT_THAT(refusal([](auto& a) { a.used = ~uint64_t{3}; }), HasSubstr("is in no memory region"));
  EXPECT_THAT(refusal([this](auto& a) { a.available = kUserBase + ram_.size() - 8; }),
              HasSubstr("the available ring of 20 bytes"));
  EXPECT_THAT(refusal([](auto& a) { a.descriptors = kGuestBase; }), HasSubstr("descriptor table"));
}

TEST_F(VhostUserQueue, SizesThatNoQueueHasAreRefused) {
  EXPECT_THAT(queue_.SetSize(0).error().message, HasSubstr("a queue of 0 descriptors"));
  EXPECT_FALSE(queue_.SetSize(3));
  EXPECT_FALSE(queue_.SetSize(2048));
  EXPECT_FALSE(queue_.SetSize(0x80000000));
  EXPECT_TRUE(queue_.SetSize(1024));
}

}  // namespace
}  // namespace vgpu::test
