// WebRTC itself is proven in a real browser; here only the talk with the tracker is, and the client asks whether there is any.
export class RTCPeerConnection {}
export class RTCSessionDescription {}
export class RTCIceCandidate {}
export default { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate }
