#!/bin/sh
# Says nothing, but reads all.
cat > /dev/null
echo '{"type":"header","format":"leaklab.detections","version":1,"detector":"blind"}'
