// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

struct PaymentRequest {
    uint256 chainId;
    uint256 ttl;
    bytes32 order;
    address currency;
    uint256 amount;
    address payeeAddress;
    bool isPaymentEndpoint;
    uint256 shopId;
    bytes shopSignature;
}

interface IERC20 {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function balanceOf(address holder) external view returns (uint256);
}

interface IPaymentEndpoint {
    function pay(PaymentRequest calldata request) external payable;
}

/// Lives for one transaction at a payment's address and empties it.
contract Forwarder {
    constructor(PaymentRequest memory request, address refund) {
        uint256 held = request.currency == address(0) ? address(this).balance : IERC20(request.currency).balanceOf(address(this));
        bool enough = held >= request.amount && block.timestamp <= request.ttl;
        uint256 paid = enough ? request.amount : 0;
        send(request.currency, request.payeeAddress, paid);
        send(request.currency, refund, held - paid);
    }

    function send(address currency, address to, uint256 amount) private {
        if (amount == 0) return;
        if (currency == address(0)) {
            (bool sent, ) = to.call{value: amount}("");
            require(sent, "not sent");
        } else {
            require(IERC20(currency).transfer(to, amount), "not sent");
        }
    }
}

/// Payments by call and by address (PROTOCOL §12), as much of it as the tests need.
contract Payments {
    mapping(uint256 => bool) private made;

    event PaymentMade(uint256 indexed paymentId);

    function getPaymentId(PaymentRequest calldata request) public pure returns (uint256) {
        return uint256(keccak256(abi.encode(request)));
    }

    /// Where CREATE2 of salt 0 puts the forwarder whose init code ends in `request` and `refund`.
    function getPaymentAddress(PaymentRequest calldata request, address refund) public view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(Forwarder).creationCode, abi.encode(request, refund)));
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), code)))));
    }

    /// Once per request. Ether comes with the call, an ERC-20 is taken from the sender, who has allowed it before.
    /// An endpoint is told of the request; its ether comes with that call, its tokens before.
    function pay(PaymentRequest calldata request) external payable {
        require(request.chainId == block.chainid, "another chain");
        require(block.timestamp <= request.ttl, "too late");
        uint256 id = getPaymentId(request);
        require(!made[id], "paid already");
        made[id] = true;
        bool native = request.currency == address(0);
        require(msg.value == (native ? request.amount : 0), "not the amount");
        if (!native) {
            require(IERC20(request.currency).transferFrom(msg.sender, request.payeeAddress, request.amount), "not sent");
        }
        if (request.isPaymentEndpoint) {
            IPaymentEndpoint(request.payeeAddress).pay{value: msg.value}(request);
        } else if (native) {
            (bool sent, ) = request.payeeAddress.call{value: msg.value}("");
            require(sent, "not sent");
        }
        emit PaymentMade(id);
    }

    /// Takes what the payment's address holds: to the payee if it is enough in time, the rest (or all) to `refund`.
    /// Works once per address: the forwarder stays there, empty. Counts for a request that was paid by call, too.
    function processPayment(PaymentRequest calldata request, address refund) external {
        require(request.chainId == block.chainid, "another chain");
        address at = getPaymentAddress(request, refund);
        uint256 held = request.currency == address(0) ? at.balance : IERC20(request.currency).balanceOf(at);
        new Forwarder{salt: bytes32(0)}(request, refund);
        if (held < request.amount || block.timestamp > request.ttl) return;
        uint256 id = getPaymentId(request);
        made[id] = true;
        emit PaymentMade(id);
    }
}
