// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IRelayReg {
    function ownerOf(uint256 id) external view returns (address);
}

/// Shops as tokens, with permissions and invites (PROTOCOL §12), as much of it as the tests need.
contract ShopReg {
    uint8 public constant PERMISSION_ADD_USER = 0;
    uint8 public constant PERMISSION_REMOVE_USER = 1;
    uint8 public constant PERMISSION_UPDATE_ROOT_HASH = 2;
    uint8 public constant PERMISSION_ADD_RELAY = 3;
    uint256 public constant CLERK_PERMISSIONS = (1 << 0) | (1 << 2);

    IRelayReg public immutable relayReg;

    mapping(uint256 => address) private owners;
    mapping(uint256 => address) private approved;
    mapping(address => uint256) public balanceOf;
    mapping(uint256 => mapping(address => uint256)) private permissions;
    mapping(uint256 => mapping(address => bool)) private invites;
    mapping(uint256 => uint256[]) private relays;
    mapping(uint256 => bytes32) public rootHashes;
    mapping(uint256 => uint64) public nonce;

    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    event Approval(address indexed owner, address indexed spender, uint256 indexed tokenId);
    event UserAdded(uint256 indexed shopId, address user, uint256 permissions);
    event UserRemoved(uint256 indexed shopId, address user);
    event PermissionAdded(uint256 indexed shopId, address user, uint8 permission);
    event PermissionRemoved(uint256 indexed shopId, address user, uint8 permission);

    constructor(IRelayReg reg) {
        relayReg = reg;
    }

    function mint(uint256 shopId, address owner) external {
        require(owner != address(0), "no owner");
        require(owners[shopId] == address(0), "minted already");
        owners[shopId] = owner;
        balanceOf[owner] += 1;
        nonce[shopId] = 1;
        rootHashes[shopId] = keccak256(abi.encode(shopId, owner, block.timestamp));
        emit Transfer(address(0), owner, shopId);
    }

    function ownerOf(uint256 shopId) public view returns (address) {
        address owner = owners[shopId];
        require(owner != address(0), "not minted");
        return owner;
    }

    function approve(address spender, uint256 shopId) external {
        require(ownerOf(shopId) == msg.sender, "not the owner");
        approved[shopId] = spender;
        emit Approval(msg.sender, spender, shopId);
    }

    function transferFrom(address from, address to, uint256 shopId) public {
        require(ownerOf(shopId) == from && to != address(0), "not the owner");
        require(msg.sender == from || msg.sender == approved[shopId], "not allowed");
        delete approved[shopId];
        owners[shopId] = to;
        balanceOf[from] -= 1;
        balanceOf[to] += 1;
        emit Transfer(from, to, shopId);
    }

    function safeTransferFrom(address from, address to, uint256 shopId) external {
        require(to.code.length == 0, "contracts are not supported here");
        transferFrom(from, to, shopId);
    }

    // Relays and root

    modifier onlyWith(uint256 shopId, uint8 permission) {
        require(hasPermission(shopId, msg.sender, permission), "not allowed");
        _;
    }

    function addRelay(uint256 shopId, uint256 relayId) external onlyWith(shopId, PERMISSION_ADD_RELAY) {
        relays[shopId].push(relayId);
    }

    function replaceRelay(uint256 shopId, uint256 index, uint256 relayId) external onlyWith(shopId, PERMISSION_ADD_RELAY) {
        relays[shopId][index] = relayId;
    }

    function removeRelay(uint256 shopId, uint256 index) external onlyWith(shopId, PERMISSION_ADD_RELAY) {
        uint256[] storage list = relays[shopId];
        list[index] = list[list.length - 1];
        list.pop();
    }

    function getAllRelays(uint256 shopId) external view returns (uint256[] memory) {
        return relays[shopId];
    }

    function getRelayCount(uint256 shopId) external view returns (uint256) {
        return relays[shopId].length;
    }

    function updateRootHash(uint256 shopId, bytes32 hash, uint64 newNonce) external {
        require(hasPermission(shopId, msg.sender, PERMISSION_UPDATE_ROOT_HASH) || ownsListedRelay(shopId, msg.sender), "not allowed");
        require(newNonce > nonce[shopId], "the nonce must rise");
        nonce[shopId] = newNonce;
        rootHashes[shopId] = hash;
    }

    function ownsListedRelay(uint256 shopId, address user) private view returns (bool) {
        uint256[] storage list = relays[shopId];
        for (uint256 i = 0; i < list.length; i++) {
            try relayReg.ownerOf(list[i]) returns (address owner) {
                if (owner == user) return true;
            } catch {}
        }
        return false;
    }

    // Users

    function hasPermission(uint256 shopId, address user, uint8 permission) public view returns (bool) {
        return ownerOf(shopId) == user || (permissions[shopId][user] >> permission) & 1 == 1;
    }

    function registerUser(uint256 shopId, address user) external onlyWith(shopId, PERMISSION_ADD_USER) {
        addUser(shopId, user);
    }

    function removeUser(uint256 shopId, address user) external onlyWith(shopId, PERMISSION_REMOVE_USER) {
        delete permissions[shopId][user];
        emit UserRemoved(shopId, user);
    }

    function addPermission(uint256 shopId, address user, uint8 permission) external {
        require(ownerOf(shopId) == msg.sender, "not the owner");
        permissions[shopId][user] |= uint256(1) << permission;
        emit PermissionAdded(shopId, user, permission);
    }

    function removePermission(uint256 shopId, address user, uint8 permission) external {
        require(ownerOf(shopId) == msg.sender, "not the owner");
        permissions[shopId][user] &= ~(uint256(1) << permission);
        emit PermissionRemoved(shopId, user, permission);
    }

    // Invites

    function publishInviteVerifier(uint256 shopId, address verifier) external onlyWith(shopId, PERMISSION_ADD_USER) {
        invites[shopId][verifier] = true;
    }

    /// The invite's key signs, as a personal message (EIP-191), the 20 bytes of the user's address. An invite counts once.
    function redeemInvite(uint256 shopId, uint8 v, bytes32 r, bytes32 s, address user) external {
        bytes32 digest = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n20", user));
        address verifier = ecrecover(digest, v, r, s);
        require(verifier != address(0) && invites[shopId][verifier], "no such invite");
        delete invites[shopId][verifier];
        addUser(shopId, user);
    }

    function addUser(uint256 shopId, address user) private {
        permissions[shopId][user] |= CLERK_PERMISSIONS;
        emit UserAdded(shopId, user, permissions[shopId][user]);
    }
}
