# Container images. A stamp says from what an image was built; it counts only while podman still
# has the image, so a removed image is built again.
images: $(BUILD)/memgen ## Build the container images (as root)
	$(Q)containers/ensure-image.sh localhost/leaklab-memgen:latest $(BUILD)/images/memgen.stamp \
		"$(BUILD)/memgen containers/Containerfile.memgen containers/build-memgen.sh" \
		containers/build-memgen.sh $(BUILD)/memgen $(BUILD)/images/memgen
	$(Q)containers/ensure-image.sh localhost/leaklab-stress-ng:latest \
		$(BUILD)/images/stress-ng.stamp \
		"/usr/bin/stress-ng containers/Containerfile.stress-ng containers/build-stress-ng.sh" \
		containers/build-stress-ng.sh $(BUILD)/images/stress-ng
