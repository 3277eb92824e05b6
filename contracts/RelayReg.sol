// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Relays as tokens (PROTOCOL §12), as much of it as the tests need.
contract RelayReg {
    mapping(uint256 => address) private owners;
    mapping(uint256 => string) public relayURIs;

    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);

    function mint(uint256 id, address owner, string calldata uri) external {
        require(owner != address(0), "no owner");
        require(owners[id] == address(0), "minted already");
        owners[id] = owner;
        relayURIs[id] = uri;
        emit Transfer(address(0), owner, id);
    }

    function ownerOf(uint256 id) external view returns (address) {
        address owner = owners[id];
        require(owner != address(0), "not minted");
        return owner;
    }
}
