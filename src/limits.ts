/**
 * Every bound that a client of the relay or a user of the client library can see, unit in the name (PROTOCOL §15), and
 * the defaults of settings. What only tunes the inside (sizes of batches, caches, reads) stands where it is used.
 *
 * Tests: test/conformance.test.ts
 */

import { assert } from './assert.js'

// CBOR (§2)
export const CBOR_NESTING_MAX = 16
/** For files that an implementer brings to `cairn vectors`: a trie written out as nodes nests deep. */
export const CBOR_NESTING_MAX_IN_FILES = 256
/** Significant bytes of a tag 2 integer: a uint256. */
export const BIGNUM_BYTES_MAX = 32
/**
 * Integers among the keys of one map, so that keys made to collide in a hash table cost little (chains in a manifest).
 */
export const INTEGER_KEYS_PER_MAP_MAX = 1_024

// Objects (§3, §5)
export const OBJECT_BYTES_MAX = 1_048_576
/** Text as a map key or tag name, in UTF-8 bytes. */
export const NAME_BYTES_MAX = 255
export const ITEMS_PER_ORDER_MAX = 1_000
export const OPEN_ORDERS_PER_GUEST_CARD_MAX = 1_000
/** A guest's card costs nothing: these bound what all its orders hold, and what they make the relay do. */
export const LIVE_ORDERS_PER_GUEST_CARD_MAX_DEFAULT = 100
export const ORDERS_PER_GUEST_CARD_AND_DAY_MAX_DEFAULT = 1_000
export const LISTING_HASH_BYTES_MAX = 32

// Merkle proofs (MMR.md §9.4)
/** A patch tree's nodes, so that places of patches are exact numbers. */
export const PATCH_TREE_NODES_MAX = 9_007_199_254_740_991n

// Tries (§6)
export const HAMT_LEVELS_MAX = 42
export const HAMT_BITS_PER_LEVEL = 6

// PatchSets (§4)
export const HEADER_TIMESTAMP_AHEAD_SECONDS_MAX = 300n
export const PATCHES_PER_GUEST_SET_MAX = 256
/** Of the sets of one guest's card, of whatever becomes of them: some 25 of the smallest ones a second, … */
export const GUEST_BYTES_PER_SECOND_DEFAULT = 8_192
/** … and some 800 at once. */
export const GUEST_BYTES_BURST_DEFAULT = 262_144
/** Of which a set that is sent once more gets its first answer (PROOFS §4). */
export const WRITTEN_SETS_PER_CARD_KEPT = 1_024

// Checkpoints (PROOFS §3)
export const CHECKPOINT_TIMESTAMP_AHEAD_SECONDS_MAX = 300n
/** Proven objects in one answer. */
export const STATE_PROOF_OBJECTS_MAX = 256
/** Of these beside the card's own entry, where it asks for all its orders. */
export const CARD_ORDERS_PROVEN_MAX = STATE_PROOF_OBJECTS_MAX - 1
/** Orders in the list of all orders of one card; a card with more asks by id. */
export const LISTED_ORDERS_MAX = 100_000
/** How long somebody who asks waits for the first checkpoint of a shop. */
export const FIRST_CHECKPOINT_WAIT_MS = 3_000
/** Snapshots of one shop at a time; others wait for one of them to end. */
export const SNAPSHOTS_PER_SHOP_MAX = 4
/** How long a snapshot may take. */
export const SNAPSHOT_SECONDS_MAX = 60
/** How long its client may take nothing of it while others wait for the place. */
export const SNAPSHOT_UNREAD_SECONDS_MAX = 10
/** Proofs that one address may ask for over HTTP. */
export const HTTP_PROOFS_PER_SECOND = 100
export const HTTP_PROOFS_BURST = 500
/** How old the newest checkpoint may be until what a connected client shows is stale. */
export const VERIFIED_AT_SECONDS_DEFAULT = 60n
/** A checkpoint is due so long after the first set that none covers … */
export const CHECKPOINT_AFTER_MS = 1_000
/** … or after so many of them. */
export const CHECKPOINT_AFTER_SETS = 1_024
/** How long a checkpoint that is due may wait for those of other shops, which are stored with it. */
export const CHECKPOINTS_TOGETHER_MS = 50
/** Of one shop, those that are signed again included. */
export const CHECKPOINTS_PER_SECOND_MAX = 10
/**
 * Between those that a subscription is pushed while nothing changes of what it selects: a millisecond for each
 * subscription of the shop, within these bounds.
 */
export const CHECKPOINT_PUSH_REST_MS = 1_000
export const CHECKPOINT_PUSH_REST_MS_MAX = 5_000
/** One that is older is signed again when it is asked for. */
export const CHECKPOINT_FRESH_SECONDS = 10n
/** Of a shop: state proofs are made at these. */
export const CHECKPOINTS_KEPT = 16

// Proofs as a client takes them (PROOFS §1.2)
/** What a client takes of a snapshot, of which nothing signed says how many objects come … */
export const SNAPSHOT_BYTES_MAX_DEFAULT = 1_024 * 1_048_576
/** … each counted with so much more than its key and value. */
export const SNAPSHOT_OBJECT_BYTES_MORE = 256
/** Of the guests' account, as a client takes it. */
export const GUESTS_ACCOUNT_BYTES_MAX_DEFAULT = 64 * 1_048_576

// Notes and proofs for other people's tools (PROOFS §8)
export const ORIGIN_BYTES_MAX = 255
/** The largest numbers and the longest origin make some 450. */
export const NOTE_BINDING_BYTES_MAX = 512
/** Below a note: more witnesses are not asked, and no reader takes more. */
export const COSIGNATURES_PER_NOTE_MAX = 15
/** Of what stands in a tlog-proof beside the proof: readers stop at lines of 64 KiB, and base64 needs a third more. */
export const TLOG_EXTRA_BYTES_MAX = 48_000
/** A tlog-proof with all that may stand in it has some 70,000 bytes. */
export const TLOG_PROOF_BYTES_MAX = 131_072
/** Between two notes of one shop to one witness. */
export const WITNESS_INTERVAL_SECONDS_DEFAULT = 10
/** How long a witness may take to answer. */
export const WITNESS_TIMEOUT_SECONDS = 10
export const WITNESS_ANSWER_BYTES_MAX = 16_384

// Orders (§11)
export const RESERVATION_SECONDS_DEFAULT = 86_400n
export const PAYMENT_TTL_SECONDS = 86_400n
/** Choices of payment of one order: each may be a payment that is watched and kept for ever. */
export const PAYMENT_CHOICES_PER_ORDER_MAX = 100
/** State→4 writes in one set: each is priced anew. */
export const PAYMENT_CHOICES_PER_SET_MAX = 64
/** Payment details that could not be made at once are tried again, slower and slower. */
export const DETAILS_RETRY_SECONDS_MIN = 1
export const DETAILS_RETRY_SECONDS_MAX = 60
/** How long after a TTL an order waits for its chain to tell of the blocks up to it. */
export const EXPIRY_GRACE_SECONDS = 600n
/** Addresses of orders that have ended or are paid are watched this long after their TTL. */
export const LATE_PAYMENT_WATCH_SECONDS = 30n * 86_400n
/**
 * Payments whose addresses are looked at with one block, of live orders and of others; the rest wait for the next one.
 */
export const LIVE_LOOKS_PER_BLOCK_MAX = 2_000
export const LATE_LOOKS_PER_BLOCK_MAX = 500
/** Of these, how many at once. */
export const LOOKS_AT_ONCE_MAX = 200
/** A newest block that was heard of longer ago gives no TTL: it would lie in the past. */
export const HEAD_AGE_SECONDS_MAX = 3_600n
/** How often such an address is looked at. */
export const LATE_PAYMENT_CHECK_SECONDS_DEFAULT = 60

// Prices (§11)
export const PRICE_FETCH_SECONDS = 60
export const PRICE_FETCH_TIMEOUT_SECONDS = 10
export const PRICE_MAX_AGE_SECONDS_DEFAULT = 600
export const PRICE_TABLE_BYTES_MAX = 1_048_576
export const PRICE_TABLE_RATES_MAX = 10_000

// Chains (§12)
export const CHAIN_DEPTH_DEFAULT = 1n
export const CHAIN_POLL_MS_DEFAULT = 1_000
/** Blocks that are read again after a restart. */
export const CHAIN_MARGIN_BLOCKS = 16n
/** How far behind its blocks an endpoint's log index may be: blocks that are newer are checked one by one. */
export const LOG_LAG_BLOCKS_MAX = 10_000n
/** What one look may cost: blocks whose headers are asked for together, and those whose receipts are read. */
export const CHECKED_BLOCKS_AT_ONCE_MAX = 50
export const RECEIPT_BLOCKS_AT_ONCE_MAX = 8
/** How long receipts are waited for where no endpoint tells them; then the log index is believed. */
export const RECEIPTS_PATIENCE_SECONDS = 60n
/** How often the log index is read again since the oldest payment that can still be made. */
export const LOG_REREAD_SECONDS = 600n
/** Where that failed, it is not tried again before. */
export const LOG_REREAD_PAUSE_SECONDS = 60n
/** Blocks of such a reading that one look reads. */
export const REREAD_BLOCKS_AT_ONCE = 2_000n

// Frames and sessions (§8, §10, §15)
export const FRAME_IN_BYTES_MAX = 2 * 1_048_576
export const FRAME_OUT_BYTES_MAX = 1_048_576
/** In sessions of version 5. */
export const FRAME_OUT_BYTES_MAX_5 = 2 * 1_048_576
/** Groups within groups in a field of an envelope that nobody asked for. */
export const GROUP_NESTING_MAX = 100
/** Patches in one set of objects that come near OBJECT_BYTES_MAX: each has to be encoded to be measured. */
export const OBJECTS_MEASURED_PER_SET_MAX = 64
/** CBOR items of one patch's value: a megabyte of empty maps would take hundreds of megabytes to decode. */
export const VALUE_ITEMS_MAX = 131_072
/** Op or Path of a patch: above every path that means something, of which the deepest have some tens of parts. */
export const PATH_ITEMS_MAX = 1_024
/** More have no room in a frame to a client, with their proofs. */
export const PATCHES_PER_SET_MAX = 4_096
export const REQUESTS_IN_FLIGHT_MAX = 1_024
/** Of the frames of one session's requests in flight. */
export const REQUEST_BYTES_IN_FLIGHT_MAX = 64 * 1_048_576
/** Of one session, those refused for being too many included. */
export const UNANSWERED_REQUESTS_MAX = 64 * REQUESTS_IN_FLIGHT_MAX
/** Of one connection in one turn of the event loop. */
export const FRAMES_PER_TURN_MAX = 65_536
export const BYTES_PER_TURN_MAX = 2 * REQUEST_BYTES_IN_FLIGHT_MAX
export const UNREAD_ANSWER_BYTES_MAX = 4 * 1_048_576
/** Of anything that a session's client does not read. */
export const UNREAD_BYTES_MAX = 8 * 1_048_576
/** Pushes wait while more than this is unread. */
export const PUSH_BUFFER_BYTES_MAX = 1_048_576
export const SUBSCRIPTIONS_PER_SESSION_MAX = 64
export const FILTERS_PER_SUBSCRIPTION_MAX = 64
export const SUBSCRIPTION_ID_MAX = 65_535
export const SETS_PER_PUSH_MAX = 64
export const PUSHES_UNANSWERED_MAX = 8
/** Between two pushes to a page. */
export const PAGE_PUSH_GAP_MS = 100
/** Pushes to a page wait so long after the answer to its last write, … */
export const PAGE_QUIET_MS = 250
/** … each at most so long. */
export const PAGE_WAIT_MS_MAX = 1_000
export const SESSIONS_MAX_DEFAULT = 10_000
export const SESSIONS_PER_ADDRESS_MAX_DEFAULT = 512
export const IDLE_SESSION_SECONDS_MAX = 300
export const CHALLENGE_SECONDS_MAX = 60
export const CHALLENGE_BYTES = 32
export const PING_INTERVAL_MS_DEFAULT = 15_000
export const KICK_INTERVALS_DEFAULT = 3
export const PUSH_DELAY_MS_DEFAULT = 100
/** That a subscription may ask for itself. */
export const PUSH_DELAY_MS_MAX = 60_000
/** How long a peer may take to answer our close frame. */
export const CLOSE_ANSWER_MS_MAX = 5_000

// The end of a relay
/** For requests that were taken up when the relay is told to stop. */
export const STOP_SECONDS_MAX = 5
/** For clients to read the close frame before their sockets are cut. */
export const STOP_LINGER_MS = 150

// Disk of the relay
/** Stays free: below it nothing is written. */
export const DISK_RESERVE_BYTES_DEFAULT = 64 * 1_048_576

// Memory of the relay
/** Stored trie nodes kept in memory, of all shops together. */
export const NODE_CACHE_NODES_DEFAULT = 200_000

// Threads
export const SIGNATURE_THREADS_DEFAULT = 1

// HTTP (§9, §13)
export const ENROLMENT_BODY_BYTES_MAX = 16 * 1_024
/** How long before its removal the message may be issued that enrols a card again: clocks differ. */
export const ISSUED_BEFORE_REMOVAL_SECONDS_MAX = 300n
/** After its removal only the card's own shop may enrol it again. */
export const REMOVED_CARD_KEPT_SECONDS = 30n * 86_400n
export const ENROLMENTS_PER_SECOND_DEFAULT = 20
export const ENROLMENTS_BURST_DEFAULT = 200
export const UPGRADES_PER_SECOND_DEFAULT = 50
export const UPGRADES_BURST_DEFAULT = 300
export const BLOB_BYTES_MAX = 32 * 1_048_576
export const BLOB_TOKENS_PER_SESSION_MAX = 16
/** Of all sessions that a card had; beyond, its oldest one is void. */
export const BLOB_TOKENS_PER_CARD_MAX = 32
export const BLOB_TOKEN_SECONDS_MAX = 600
/** Of the form around the file: boundaries, part heads, other fields. */
export const FORM_BYTES_MAX = 64 * 1_024
/** Of one form. */
export const MULTIPART_PARTS_MAX = 1_024
/** Of the headers of one part. */
export const PART_HEAD_BYTES_MAX = 16 * 1_024
/** What a client may still send behind an answer that needed no more of its body, before its socket is closed. */
export const UNREAD_BODY_BYTES_MAX = 32 * 1_048_576
/** An HTTP socket on which nothing moves for so long is cut, also in the middle of an answer. */
export const HTTP_IDLE_MS_MAX = 60_000
/** From a connection, or the end of the request before, to the end of a head. */
export const HTTP_HEAD_MS_MAX = 10_000
/** For a body, and beyond it a second for each so many bytes that came: a phone's upload takes minutes. */
export const HTTP_BODY_MS_MAX = 30_000
export const HTTP_BODY_BYTES_PER_SECOND_MIN = 16 * 1_024
/** Of the descriptors that the process may have: a download has a socket and a file, and store and chains need some. */
export const SOCKETS_SHARE_OF_DESCRIPTORS = 0.75
export const HEALTH_STORE_SECONDS_MAX = 5
export const HEALTH_LOOP_DELAY_SECONDS_MAX = 5
/** A loop that was held is told of for so long, to everybody who asks. */
export const HEALTH_LOOP_MEMORY_SECONDS = 60

// Anchors
/** From one anchor of a shop to its next. */
export const ANCHOR_SECONDS_DEFAULT = 3_600
/** After an anchor that failed, or could not be sent. */
export const ANCHOR_RETRY_SECONDS = 60
/** updateRootHash takes a nonce above the last one: after this one there is none. */
export const ANCHOR_NONCE_MAX = 2n ** 64n - 1n
/** How far back it is looked for the transaction of a digest that the registry holds. */
export const ANCHOR_LOOK_BACK_BLOCKS = 256n
/** Sets whose checkpoints are looked through for a digest in the registry. */
export const ANCHOR_SEARCHED_SETS_MAX = 65_536
/** Anchors of a shop, the newest first, among which one is looked for. */
export const ANCHORS_SEARCHED_MAX = 4_096
/** Shops that are looked at in the registry with each block, where the relay anchors nothing itself. */
export const ANCHOR_LOOKS_PER_BLOCK = 8

// Payment rows, for a shop's staff (docs/protocol)
/** Orders in a page; a page is also closed where it has this many bytes, so that it fits a frame. */
export const PAYMENT_ROWS_PER_PAGE_MAX = 256
export const PAYMENT_PAGE_BYTES_MAX = 524_288
/** Transactions of a row, and its oddities: of more a person is told how many. */
export const PAYMENT_NOTES_PER_ROW_MAX = 64
/** Orders that changed and wait for a push of their rows: of more the session is told to ask anew. */
export const PAYMENT_CHANGES_WAITING_MAX = 16_384

// The client library
/** Of a currency: `decimals()` of a token is a uint8. */
export const MONEY_DECIMALS_MAX = 255
/** Of a text that is read as an amount: all digits of 2^256 and of so many decimals, with groups, have room. */
export const MONEY_TEXT_CHARS_MAX = 512
/** What nobody looks at any more is dropped from the subscription after so long. */
export const UNWATCHED_MS = 30_000
/** What a suspended component waited for stays looked at for so long, until it looks itself. */
export const SUSPENDED_HELD_MS = 5_000
/** Parts that begin to be looked at within so long are subscribed to at once. */
export const WATCHED_TOGETHER_MS = 20
/** Between two attempts to connect: the first pause, doubled up to the longest. */
export const BACK_OFF_MS_MIN = 250
export const BACK_OFF_MS_MAX = 15_000
/**
 * Between two tries to load what follows a snapshot: the first pause, doubled up to the longest; and how many there
 * are, within a minute.
 */
export const LOAD_PAUSE_MS_MIN = 500
export const LOAD_PAUSE_MS_MAX = 16_000
export const LOAD_TRIES_MAX = 8
/** A page waits so long for its database, which some browsers do not open until they are started anew. */
export const KEPT_PLACE_MS_MAX = 3_000
/** A client's request waits so long for its answer while nothing at all comes, no ping either: 3 are left out. */
export const SILENCE_MS_MAX = 45_000
/** How long a push waits for that, and what comes behind it: then the connection ends. */
export const LOAD_WAIT_MS_MAX = 5_000
/** What waits for a reader of `sets`; one that is further behind gets an error after them. */
export const UNREAD_SETS_MAX = 65_536
/** How long `connect` waits for the first checkpoint, to tell a wrong address: in a new shop none may come. */
export const FIRST_CHECKPOINT_MS_MAX = 300
/** How long a client waits for the push of a checkpoint that the relay answered with. */
export const TIED_ANSWER_MS_MAX = 10_000
/** What a relay signed is withheld if no push brings it for so long. */
export const WITHHELD_MS_MAX = 10_000
/** So long before the newest checkpoint is stale a client asks for a newer one, or a quarter of its time before. */
export const FRESHNESS_ASKED_BEFORE_SECONDS = 10n
/** Of a relay's key that are kept, served and followed: a new one each month for twenty years. */
export const HAND_OVERS_MAX = 256

/** What a client reads of an answer over HTTP: an object with its proof, or a listing, is no larger. */
export const HTTP_ANSWER_BYTES_MAX = 2 * 1_048_576
/** How long it waits for one. */
export const HTTP_ANSWER_MS_MAX = 30_000
/** How long an upload may take: as long as its address is good. */
export const UPLOAD_MS_MAX = BLOB_TOKEN_SECONDS_MAX * 1_000
/** How long a client works without letting a page do anything else: a task of 50 ms is one that is felt. */
export const SLICE_MS = 10
/** How long what was kept is shown before its check begins: a page paints it first. */
export const FIRST_PAINT_MS = 50
/** Between two times that a client keeps what it holds. */
export const KEPT_SAVE_MS = 2_000
/** Writes that wait for a connection, on a client's device. */
export const OUTBOX_WRITES_MAX = 1_000
/** Other cards whose unsent writes are kept at the place of a card's outbox: those that were used last. */
export const OUTBOX_OTHERS_MAX = 8
/** Refused ones that are told until somebody has seen them: the newest. */
export const OUTBOX_REFUSED_MAX = 100
/** Of which a cart remembers that they were joined to it. */
export const CARTS_JOINED_MAX = 32
/** A tab keeps the card's session so long before it gives it to another one that wants it. */
export const TAB_TURN_MS_MIN = 500
/** A tab that wants the session says so again after so long. */
export const TAB_WANTS_MS = 200
/** Objects of a collection that a list is made of at once; of more they are read a slice at a time before. */
export const OBJECTS_READ_AT_ONCE_MAX = 500
/** Sets that no checkpoint covers yet, as a client keeps them apart; of more the oldest are put together. */
export const HELD_SETS_MAX = 8_192
/** How long a checkout waits for what is in the cart: without it nobody knows whether a choice is missing. */
export const CHECKOUT_LOADING_MS = 10_000
/** How often a card's place is looked at again before its removal is given up: others write all the time. */
export const CARD_REMOVAL_TRIES_MAX = 20
/** Meanwhile sets come that were not seen, and checkpoints, once a second. */
export const CARD_REMOVAL_WAIT_MS = 150
/** How long `choosePayment` waits for what is to be paid. */
export const DUE_MS_MAX = 60_000

// Catalogues
/** What is read as a product file. */
export const PRODUCT_FILE_BYTES_MAX = 256 * 1_048_576

// Order receipts (PROOFS §6)
/** What is read as a receipt at most: listings and addresses make some 10 KiB, a thousand long listings more. */
export const RECEIPT_BYTES_MAX = 32 * 1_048_576
/** Items of CBOR in it: digests and byte strings are some 30 bytes each. */
export const RECEIPT_ITEMS_MAX = 1_048_576
/** What is read as a tlog-proof or a COSE receipt: readers of the first stop at lines of 64 KiB. */
export const PROOF_FORM_BYTES_MAX = 1_048_576
/** How long a client waits for the sets of an order before it gives up its receipt. */
export const RECEIPT_WAIT_MS_MAX = 30_000

// Relations between limits: a change of one that breaks another stops here, at import.
assert(HAMT_LEVELS_MAX * HAMT_BITS_PER_LEVEL <= 256, 'the trie asks for more bits than a key hash has')
assert(FRAME_OUT_BYTES_MAX <= FRAME_IN_BYTES_MAX, 'a frame out is larger than a frame in')
assert(PUSH_BUFFER_BYTES_MAX < UNREAD_BYTES_MAX, 'pushes alone fill what a client may leave unread')
assert(UNREAD_ANSWER_BYTES_MAX < UNREAD_BYTES_MAX, 'answers alone fill what a client may leave unread')
assert(BLOB_TOKENS_PER_SESSION_MAX <= BLOB_TOKENS_PER_CARD_MAX, 'a session may have more tokens than its card')
assert(OBJECT_BYTES_MAX <= FRAME_IN_BYTES_MAX, 'an object that no frame can carry')
assert(CBOR_NESTING_MAX <= CBOR_NESTING_MAX_IN_FILES, 'files nest less deep than frames')

/** A product file: rows below the first, empty ones too, and UTF-16 units of a cell. Shopify takes 512 KiB of text. */
export const TABLE_ROWS_MAX = 100_000
export const TABLE_CELL_UNITS_MAX = 1_048_576
/** Tags that stand in each other in a description: what reads them takes the square of their number. */
export const HTML_DEPTH_MAX = 256
