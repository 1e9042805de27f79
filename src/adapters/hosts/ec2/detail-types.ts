/** How EventBridge names what is read of machines here. */
export const detailTypes = {
  state: 'EC2 Instance State-change Notification',
  interruption: 'EC2 Spot Instance Interruption Warning',
} as const;
